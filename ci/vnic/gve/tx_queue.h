// A transmit queue: descriptors in, packets onto the wire, completions back.
#pragma once

#include <cstdint>

#include "ci/vnic/base/log.h"
#include "ci/vnic/device/nic.h"
#include "ci/vnic/gve/descriptors.h"
#include "ci/vnic/gve/notify.h"
#include "ci/vnic/net/tx_packet.h"

namespace vnic::gve {

struct TxQueueConfig {
  std::uint32_t id = 0;
  std::uint32_t notify_id = 0;
  GuestAddress ring = 0;
  GuestAddress completion_ring = 0;
  std::uint32_t ring_size = 0;  // entries of either ring, a power of two
};

struct TxCounters {
  std::uint64_t packets = 0;  // a burst is one
  std::uint64_t bytes = 0;
  std::uint64_t refused = 0;  // packets that were completed but not sent
};

class TxQueue {
 public:
  TxQueue(const TxQueueConfig& config, const NicSlot& slot, Notifier& notifier,
          TxCounters& counters)
      : config_(config),
        slot_(slot),
        notifier_(notifier),
        counters_(counters),
        packet_({.largest_frame = kMaxFrame, .largest_burst = kMaxTxPacket}) {}

  // The driver has filled the ring up to `tail`. Sends every complete packet before it returns,
  // except what exceeds a SendBudget.
  void Doorbell(std::uint32_t tail);

 private:
  void Take(const TxDescriptor& descriptor);
  void Send();
  void Complete(std::uint16_t type, std::uint16_t value);

  const TxQueueConfig config_;
  const NicSlot& slot_;
  Notifier& notifier_;
  TxCounters& counters_;
  TxPacket packet_;    // whose descriptors are being read; a doorbell may end within one
  SendBudget budget_;  // of this doorbell
  std::uint32_t head_ = 0;
  std::uint32_t completion_tail_ = 0;
  bool generation_ = true;  // of this round; the driver zeroes the ring
  bool broken_ = false;     // a ring has gone from memory
};

}  // namespace vnic::gve
