// Striding receive queues: a work request is a large buffer, cut into strides; a packet takes as
// many as it needs (Linux core/en_rx.c; core/en/params.c; device.h, struct mlx5_cqe64).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "ci/vnic/device/receive_queue.h"
#include "ci/vnic/mlx5/completion_queue.h"
#include "ci/vnic/mlx5/memory_keys.h"
#include "ci/vnic/mlx5/vport.h"

namespace vnic::mlx5 {

struct RxCounters : ReceiveCounters {
  std::uint64_t merged = 0;   // of the split packets: payload directly behind the one before
  std::uint64_t fillers = 0;  // work requests closed with strides unused
};

// What a CREATE_RQ says of the queue.
struct RxQueueConfig {
  std::uint32_t completion_queue = 0;
  std::uint8_t counter_set = 0;
  RingPages pages;
  std::uint32_t log_size = 0;
  GuestAddress doorbell_record = 0;
  std::uint32_t strides = 0;  // of a work request; 0: the queue does not stride
  std::uint32_t log_stride = 0;
  // Of a queue that splits headers.
  bool splits = false;
  std::uint32_t header_key = 0;
  std::uint32_t log_header_entry = 0;
  std::uint32_t log_header_entries = 0;
  std::uint32_t log_reservation = 0;
  std::uint32_t headers_each = 0;  // header entries of a work request

  // Fails with EINVAL.
  static zcrx::Result<RxQueueConfig> Read(Bits request);
};

class RxQueue : public ReceiveQueue {
 public:
  // What it works with; all of it outlives the queue.
  struct Parts {
    const NicSlot& slot;
    const MemoryKeys& keys;
    const ObjectTable<CompletionQueue>& completions;
    const Vport& vport;
    RxCounters& counters;
    bool& fails_device;  // set where a packet is the device's last
  };

  RxQueue(const Parts& parts, std::uint32_t number, RxQueueConfig config);

  [[nodiscard]] std::uint32_t Number() const { return number_; }
  // Each channel has an event queue, which its successor goes on with (core/en_main.c,
  // mlx5e_open_channel). 0: none.
  [[nodiscard]] std::uint32_t Channel() const { return channel_; }
  [[nodiscard]] bool Splits() const { return config_.splits; }
  [[nodiscard]] QueueScars& OwnScars() { return scars_; }
  // Queues that do not stride are made too, and take nothing: the driver has one, which packets are
  // sent to while its channels are closed.
  [[nodiscard]] bool Takes() const { return config_.strides != 0; }
  [[nodiscard]] bool Ready() const { return ready_ && Takes(); }
  void SetReady(bool ready) { ready_ = ready; }
  [[nodiscard]] std::uint8_t CounterSet() const { return config_.counter_set; }

 private:
  // The work request that is being filled.
  struct Open {
    std::uint16_t index = 0;
    std::uint32_t key = 0;
    GuestAddress address = 0;
    std::size_t end = 0;                                // bytes, of payload and of strides left out
    std::uint32_t headers = 0;                          // header entries
    std::optional<std::size_t> session = std::nullopt;  // where it began, if the next may join it
    bool large = false;                                 // the driver's pages are
  };

  [[nodiscard]] std::string Name() const override {
    return fmt::format("mlx5: receive queue {}", number_);
  }
  [[nodiscard]] const QueueScars& Scars() const override { return scars_; }
  [[nodiscard]] std::size_t LongestFrame() const override { return parts_.vport.MaxFrame(); }
  [[nodiscard]] std::size_t SegmentsEach(const Packet&, const Headers&) override { return 1; }
  [[nodiscard]] bool Splits(const Packet&, const Headers& headers) const override {
    return config_.splits && headers.transport == Transport::kTcp;
  }
  [[nodiscard]] std::optional<RxBuffer> Head(const Packet& packet) override;
  [[nodiscard]] std::optional<RxBuffer> Buffer(std::uint32_t ahead) override;
  [[nodiscard]] std::uint32_t MostBuffers(const Packet&) const override {
    return std::numeric_limits<std::uint32_t>::max();
  }
  bool Complete(const Reception& received) override;
  // A stride that no completion accounts for: the driver never gets its work request back.
  void LoseBuffer() override { TakeUpTo(NextStride() + StrideBytes()); }
  void Dropped(const Reception*) override {
    if (open_) open_->session.reset();
  }

  [[nodiscard]] std::size_t StrideBytes() const { return std::size_t{1} << config_.log_stride; }
  [[nodiscard]] std::size_t RequestBytes() const { return config_.strides * StrideBytes(); }
  // How many strides have begun before byte `end` of a work request.
  [[nodiscard]] std::uint32_t StridesTo(std::size_t end) const {
    return static_cast<std::uint32_t>((end + StrideBytes() - 1) >> config_.log_stride);
  }
  [[nodiscard]] std::size_t NextStride() const {
    return std::size_t{StridesTo(open_->end)} << config_.log_stride;
  }
  // Whether a packet of so many bytes fits behind byte `end` of the open work request.
  [[nodiscard]] bool Fits(std::size_t end, std::uint32_t headers, std::size_t bytes) const;
  // Whether the next packet of the burst, which is no longer than this one, joins a session that
  // began at `begin` and has come to `end`.
  [[nodiscard]] bool GoesOn(const Reception& received, std::size_t begin, std::size_t end) const;
  // The open work request is used up to `end`; one that is full is the driver's again.
  void TakeUpTo(std::size_t end);
  // Opens the next work request, after closing the one that is open. False: there is none.
  bool OpenNext(CompletionQueue& completions);
  [[nodiscard]] Completion Describe(const Reception& received) const;

  const Parts parts_;
  const std::uint32_t number_;
  const RxQueueConfig config_;
  const std::uint32_t channel_;
  std::uint32_t next_header_ = 0;
  bool ready_ = false;
  std::uint16_t opened_ = 0;           // free-running count of work requests
  std::optional<std::uint16_t> last_;  // the one opened last, which names the next
  std::optional<Open> open_;
  std::vector<RxBuffer> buffers_;  // behind the open request's end, as far as they were asked for
  QueueScars scars_;
};

}  // namespace vnic::mlx5
