// A receive queue: buffers in, packets into them, completions back.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "ci/vnic/device/receive_queue.h"
#include "ci/vnic/gve/descriptors.h"
#include "ci/vnic/gve/notify.h"

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

// What all receive queues share.
struct RxShared {
  std::uint16_t mtu = kMaxMtu;  // as the driver has set it
  bool wants_reset = false;     // the NIC asks the driver for one
};

class RxQueue : public ReceiveQueue {
 public:
  RxQueue(const RxQueueConfig& config, const NicSlot& slot, Notifier& notifier,
          ReceiveCounters& counters, RxShared& shared)
      : ReceiveQueue(slot, counters), config_(config), notifier_(notifier), shared_(shared) {}

  [[nodiscard]] bool Splits() const { return config_.header_buffer_size > 0; }
  // Posted buffers that no packet has taken.
  [[nodiscard]] std::uint32_t Available() const {
    return (tail_ - head_) & (config_.ring_size - 1);
  }
  [[nodiscard]] QueueScars& OwnScars() { return scars_; }

  // The driver has filled the buffer ring up to `tail`.
  void Doorbell(std::uint32_t tail);

 private:
  [[nodiscard]] std::string Name() const override {
    return fmt::format("gve: rx queue {}", config_.id);
  }
  [[nodiscard]] const QueueScars& Scars() const override { return scars_; }
  [[nodiscard]] std::size_t LongestFrame() const override {
    return shared_.mtu + 18U;  // an Ethernet header with a VLAN tag
  }
  [[nodiscard]] std::size_t SegmentsEach(const Packet&, const Headers&) override {
    return config_.coalesce ? std::numeric_limits<std::uint16_t>::max() : 1;
  }
  [[nodiscard]] bool Splits(const Packet&, const Headers& headers) const override {
    return headers.transport != Transport::kNone;
  }
  [[nodiscard]] std::optional<RxBuffer> Head(const Packet& packet) override;
  [[nodiscard]] std::optional<RxBuffer> Buffer(std::uint32_t ahead) override;
  [[nodiscard]] std::uint32_t LeastBuffers() const override { return 1; }
  [[nodiscard]] std::uint32_t MostBuffers(const Packet&) const override { return Available(); }
  bool Complete(const Reception& received) override;
  void LoseBuffer() override { Skip(1); }
  void Dropped(const Reception* at) override;

  // The descriptor of a posted buffer; nullopt: there is none.
  [[nodiscard]] std::optional<RxDescriptor> Peek(std::uint32_t ahead);
  void Skip(std::uint32_t buffers) { head_ = (head_ + buffers) & (config_.ring_size - 1); }
  // Takes the buffers of `received` with a completion each; `flags` are for the last.
  bool CompleteEach(const Reception& received, std::uint8_t flags);
  bool Post(RxCompletion completion);
  void Break(std::string_view what, GuestAddress address);

  const RxQueueConfig config_;
  Notifier& notifier_;
  RxShared& shared_;
  std::uint32_t head_ = 0;
  std::uint32_t tail_ = 0;
  std::uint32_t completion_tail_ = 0;
  bool generation_ = true;  // of this round; the driver zeroes the ring
  bool broken_ = false;     // a ring has gone from memory
  QueueScars scars_;
};

}  // namespace vnic::gve
