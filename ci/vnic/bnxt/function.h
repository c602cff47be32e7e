// The PCI function: what it has, and how much of it the driver has reserved.
#pragma once

#include <cstdint>

#include "ci/vnic/bnxt/command_port.h"
#include "ci/vnic/bnxt/hwrm_protocol.h"
#include "ci/vnic/device/nic.h"
#include "support/base/result.h"

namespace vnic::bnxt {

// The firmware that this NIC claims to have: old enough for a driver to ask for little (HWRM 1.9.0:
// no backing store, no extended port statistics), new enough for reservations (from 1.8.3 on).
Reply VersionOf();

class Function {
 public:
  explicit Function(const NicSlot& slot) : slot_(slot) {}

  void Reset();

  [[nodiscard]] Reply Caps() const;
  [[nodiscard]] Reply ResourceCaps() const;
  [[nodiscard]] Reply Config() const;
  [[nodiscard]] Reply PhyConfig() const;
  // Changes what its `enables` name, or only tells whether that could be had. ENOSPC: it could not.
  zcrx::Status Configure(const FuncConfigRequest& request);

  // The notification queue for events of the function; kNoCompletionRing: none.
  [[nodiscard]] std::uint16_t AsyncRing() const { return async_ring_; }

 private:
  struct Reservation {
    std::uint16_t rss_contexts = 0;
    std::uint16_t completion_rings = 0;
    std::uint16_t tx_rings = 0;
    std::uint16_t rx_rings = 0;
    std::uint16_t vnics = 0;
    std::uint16_t stat_contexts = 0;
    std::uint16_t vectors = 0;
  };
  static const Reservation kMost;

  const NicSlot& slot_;
  Reservation reserved_;
  std::uint16_t async_ring_ = kNoCompletionRing;
};

}  // namespace vnic::bnxt
