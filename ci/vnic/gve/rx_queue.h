// A receive queue: buffers in, packets into them, completions back.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "ci/vnic/base/log.h"
#include "ci/vnic/device/nic.h"
#include "ci/vnic/fault/packet_faults.h"
#include "ci/vnic/gve/descriptors.h"
#include "ci/vnic/gve/notify.h"
#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/packet.h"
#include "ci/vnic/net/rss.h"

namespace vnic::gve {

struct RxQueueConfig {
  std::uint32_t id = 0;
  std::uint32_t notify_id = 0;
  GuestAddress buffer_ring = 0;
  GuestAddress completion_ring = 0;
  std::uint32_t ring_size = 0;           // entries of either ring, a power of two
  std::uint32_t buffer_size = 0;         // bytes
  std::uint32_t header_buffer_size = 0;  // bytes; 0: headers are not split from payload
  bool coalesce = false;                 // RSC: takes a burst as one receive
};

struct RxCounters {
  std::uint64_t packets = 0;  // as the driver counts them: a coalesced one is one
  std::uint64_t bytes = 0;
  std::uint64_t split = 0;       // headers went to the header buffer
  std::uint64_t coalesced = 0;   // bursts taken as one
  std::uint64_t no_buffers = 0;  // packets dropped for lack of posted buffers
  std::uint64_t over_mtu = 0;
  std::uint64_t bad_checksum = 0;  // received and marked
  std::uint64_t refused = 0;       // the driver's buffer was not in memory
};

class RxQueue {
 public:
  RxQueue(const RxQueueConfig& config, const NicSlot& slot, Notifier& notifier,
          RxCounters& counters)
      : config_(config), slot_(slot), notifier_(notifier), counters_(counters) {}

  [[nodiscard]] bool Coalesces() const { return config_.coalesce; }
  [[nodiscard]] bool Splits() const { return config_.header_buffer_size > 0; }
  // Posted buffers that no packet has taken.
  [[nodiscard]] std::uint32_t Available() const {
    return (tail_ - head_) & (config_.ring_size - 1);
  }

  // The driver has filled the buffer ring up to `tail`.
  void Doorbell(std::uint32_t tail);

  // Faults: the queue forgets to split; it stops receiving.
  void LoseSplit() { split_lost_.Leave(slot_.faults); }
  void StopReceiving() { stopped_.Leave(slot_.faults); }

  // Puts one packet into posted buffers and completes each. `headers` are those of the packet.
  void Receive(const Packet& packet, const Headers& headers, std::optional<RssHash> hash);

 private:
  // Whether headers go into a header buffer. Those that do not fit stay with their payload.
  [[nodiscard]] bool Splits(const Headers& headers) const;
  // The parts of a completion that are the packet's.
  RxCompletion Describe(const Packet& packet, const Headers& headers, std::optional<RssHash> hash);
  // False: nothing of it was written.
  bool Fill(const RxDescriptor& buffer, Frame header, Frame payload,
            const PacketFaults& wrong) const;
  // Of the next posted buffer's descriptor.
  [[nodiscard]] GuestAddress BufferAddress() const {
    return config_.buffer_ring + head_ * sizeof(RxDescriptor);
  }
  void Skip(std::uint32_t buffers) { head_ = (head_ + buffers) & (config_.ring_size - 1); }
  bool Complete(RxCompletion completion);
  void Break(std::string_view what, GuestAddress address);

  const RxQueueConfig config_;
  const NicSlot& slot_;
  Notifier& notifier_;
  RxCounters& counters_;
  std::uint32_t head_ = 0;
  std::uint32_t tail_ = 0;
  std::uint32_t completion_tail_ = 0;
  bool generation_ = true;  // of this round; the driver zeroes the ring
  bool broken_ = false;     // a ring has gone from memory
  Scar split_lost_;
  Scar stopped_;
};

}  // namespace vnic::gve
