// The command queue: entries in the guest's memory, with chains of mailboxes for what does not fit
// (Linux core/cmd.c; include/linux/mlx5/device.h, struct mlx5_cmd_layout, mlx5_cmd_prot_block).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "ci/vnic/device/nic.h"
#include "ci/vnic/mlx5/command.h"
#include "support/base/result.h"

namespace vnic::mlx5 {

class CommandPort {
 public:
  // A failure becomes the status of the reply: see StatusOf(). ETIMEDOUT: there is none.
  using Execute = std::move_only_function<zcrx::Status(Command& command)>;
  // The command of this slot has been answered, or could not be delivered.
  using Answered = std::move_only_function<void(std::uint32_t slot)>;

  CommandPort(const NicSlot& slot, Execute execute, Answered answered)
      : slot_(slot), execute_(std::move(execute)), answered_(std::move(answered)) {}

  void SetHigh(std::uint32_t value) { base_ = std::uint64_t{value} << 32U | (base_ & 0xffffffffU); }
  // The lowest bits of the register say how long the queue is: they are not written.
  void SetLow(std::uint32_t value);
  // Executes the commands of these slots (a bit each), one after the other.
  void Ring(std::uint32_t slots);
  void Reset() { base_ = 0; }

 private:
  // Returns the delivery status; nullopt: the command stays unanswered.
  std::optional<std::uint8_t> Deliver(std::span<std::uint8_t> entry);
  // Copies bytes from or to a chain of mailboxes. False: one is not in memory.
  bool Collect(GuestAddress mailbox, std::span<std::uint8_t> bytes) const;
  bool Distribute(GuestAddress mailbox, std::span<const std::uint8_t> bytes,
                  std::uint8_t token) const;

  const NicSlot& slot_;
  Execute execute_;
  Answered answered_;
  GuestAddress base_ = 0;
};

}  // namespace vnic::mlx5
