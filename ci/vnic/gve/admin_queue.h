// The ring of admin commands: where it is, how far it has come.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "ci/vnic/base/log.h"
#include "ci/vnic/device/guest_memory.h"
#include "ci/vnic/gve/admin_protocol.h"

namespace vnic::gve {

class AdminQueue {
 public:
  // `alone`: the driver waits for no other with it. nullopt: the command is never answered.
  using Execute =
      std::move_only_function<std::optional<AdminStatus>(const AdminCommand& command, bool alone)>;

  AdminQueue(const GuestMemory& memory, const Log& log, Execute execute)
      : memory_(memory), log_(log), execute_(std::move(execute)) {}

  // `length` bytes at `base`, a power of two of commands; the counters start at 0. False: refused,
  // the queue stays off.
  bool Start(GuestAddress base, std::uint32_t length);
  void Stop() { entries_ = 0; }

  // The driver has issued all commands up to the free-running count `produced`. Each is executed
  // and its status written into it, in order, before this returns. One without an answer is not
  // counted as done, so that the driver waits for all later ones too, until it resets the queue.
  void Ring(std::uint32_t produced);

  [[nodiscard]] bool Running() const { return entries_ != 0; }
  // Free-running count of commands done.
  [[nodiscard]] std::uint32_t EventCounter() const { return done_; }

 private:
  const GuestMemory& memory_;
  const Log& log_;
  Execute execute_;
  GuestAddress base_ = 0;
  std::uint32_t entries_ = 0;
  std::uint32_t taken_ = 0;
  std::uint32_t done_ = 0;
};

}  // namespace vnic::gve
