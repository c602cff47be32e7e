// The firmware: every command of the driver, on the function, its rings and its VNICs.
#pragma once

#include "ci/vnic/bnxt/command_port.h"
#include "ci/vnic/bnxt/function.h"
#include "ci/vnic/bnxt/rings.h"
#include "ci/vnic/bnxt/vnic_table.h"
#include "ci/vnic/device/nic.h"
#include "support/base/result.h"

namespace vnic::bnxt {

class Firmware {
 public:
  explicit Firmware(const NicSlot& slot)
      : slot_(slot), function_(slot), rings_(slot), vnics_(slot) {}

  void Reset();
  // ENOSYS: a command that this firmware does not know; the driver asks for many such.
  // ETIMEDOUT: it is not to be answered.
  zcrx::Result<Reply> Execute(const Command& command);
  // Tells the driver that the link may have changed.
  void PostLinkEvent() const;
  // Tells in completion queue `ring` that the command numbered `sequence` is done.
  void PostDone(std::uint16_t ring, std::uint16_t sequence) const;

  [[nodiscard]] const RingTable& Rings() const { return rings_; }
  [[nodiscard]] const VnicTable& Vnics() const { return vnics_; }

 private:
  zcrx::Result<Reply> Obey(const Command& command);
  zcrx::Result<Reply> ExecuteOnFunction(const Command& command);
  zcrx::Result<Reply> ExecuteOnRings(const Command& command);
  zcrx::Result<std::uint16_t> AllocateRing(const RingAllocRequest& request);
  zcrx::Result<Reply> ExecuteOnVnics(const Command& command);
  zcrx::Result<Reply> ExecuteOnFilters(const Command& command);

  const NicSlot& slot_;
  Function function_;
  RingTable rings_;
  VnicTable vnics_;
};

}  // namespace vnic::bnxt
