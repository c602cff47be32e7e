// Counters of a queue, which the device keeps in the guest's memory.
#pragma once

#include <cstdint>

#include "ci/vnic/base/endian.h"
#include "ci/vnic/device/nic.h"

namespace vnic::bnxt {

// hsi.h, struct ctx_hw_stats_ext, as far as a P5 chip has it (bnxt.h, BNXT_RING_STATS_SIZE_P5).
struct QueueStatistics {
  struct Direction {
    Le64 unicast;
    Le64 multicast;
    Le64 broadcast;
  };
  Direction rx_packets;
  Le64 rx_discarded;
  Le64 rx_errors;
  Direction rx_bytes;
  Direction tx_packets;
  Le64 tx_errors;
  Le64 tx_discarded;
  Direction tx_bytes;
  Le64 coalescible_packets;
  Le64 coalescible_bytes;
  Le64 coalesced_packets;
  Le64 coalesced_bytes;
  Le64 coalesce_errors;
};
static_assert(sizeof(QueueStatistics) == 168);

inline void Add(Le64& counter, std::uint64_t amount) { counter = counter + amount; }

// Counts what goes to `destination`.
inline void Add(QueueStatistics::Direction& counter, const MacAddress& destination,
                std::uint64_t amount) {
  constexpr MacAddress kBroadcast = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  if (destination == kBroadcast) return Add(counter.broadcast, amount);
  Add((destination[0] & 1U) != 0 ? counter.multicast : counter.unicast, amount);
}

class StatContext {
 public:
  StatContext(GuestAddress address, const NicSlot& slot) : address_(address), slot_(slot) {}

  QueueStatistics counters{};

  // Where the memory has gone nobody reads them.
  void Publish() const {
    if (slot_.faults.Bites(Fault::kStatsFrozen)) return;
    std::ignore = slot_.memory.Store(address_, counters);
  }

 private:
  GuestAddress address_;
  const NicSlot& slot_;
};

}  // namespace vnic::bnxt
