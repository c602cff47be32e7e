// From the cable into the driver's buffers.
#pragma once

#include <cstdint>

#include "ci/vnic/bnxt/rings.h"
#include "ci/vnic/bnxt/vnic_table.h"
#include "ci/vnic/device/receive_queue.h"

namespace vnic::bnxt {

class Receiver {
 public:
  Receiver(const NicSlot& slot, const RingTable& rings, const VnicTable& vnics)
      : slot_(slot), rings_(rings), vnics_(vnics) {}

  void Receive(Packet packet);
  [[nodiscard]] Counters Stats() const;

 private:
  const NicSlot& slot_;
  const RingTable& rings_;
  const VnicTable& vnics_;
  ReceiveCounters counters_;
  std::uint64_t filtered_ = 0;   // not to an address of this function
  std::uint64_t unsteered_ = 0;  // no VNIC or no ring takes it, as at a queue's restart
};

}  // namespace vnic::bnxt
