// Striding receive queues: a work request is a large buffer, cut into strides; a packet takes as
// many as it needs (Linux core/en_rx.c; core/en/params.c; device.h, struct mlx5_cqe64).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ci/vnic/device/nic.h"
#include "ci/vnic/mlx5/completion_queue.h"
#include "ci/vnic/mlx5/memory_keys.h"
#include "ci/vnic/mlx5/spreading.h"

namespace vnic::mlx5 {

struct ReceiveCounters {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::uint64_t split = 0;         // of the packets: headers and payload in buffers of their own
  std::uint64_t merged = 0;        // ... of these: payload directly behind that of the one before
  std::uint64_t fillers = 0;       // work requests closed with strides unused
  std::uint64_t no_buffers = 0;    // no work request, or no room for completions
  std::uint64_t bad_checksum = 0;  // received and not vouched for
  std::uint64_t refused = 0;       // the driver's buffer was not in memory
};

// A frame that is to be received.
struct Incoming {
  Frame frame;
  Headers headers;
  std::optional<Hash> hash;
};

class ReceiveQueue {
 public:
  // What it works with; all of it outlives the queue.
  struct Parts {
    const NicSlot& slot;
    const MemoryKeys& keys;
    const ObjectTable<CompletionQueue>& completions;
    ReceiveCounters& counters;
  };

  // Of a CREATE_RQ. Fails with EINVAL. Queues that do not stride are made too, and take nothing:
  // the driver has one, which packets are sent to while its channels are closed.
  static zcrx::Result<ReceiveQueue> Make(const Parts& parts, std::uint32_t number, Bits request);

  [[nodiscard]] bool Takes() const { return strides_ != 0; }
  [[nodiscard]] std::uint8_t CounterSet() const { return counter_set_; }
  void SetReady(bool ready) { ready_ = ready; }

  // Takes the frames of one packet, in order. Returns how many found no buffer.
  std::uint32_t Receive(std::span<const Incoming> frames);

 private:
  // The work request that is being filled.
  struct Open {
    std::uint16_t index = 0;
    std::uint32_t key = 0;
    GuestAddress address = 0;
    std::uint32_t used = 0;     // strides
    std::uint32_t headers = 0;  // header entries
  };
  // Where a frame's bytes go, and what its completion says of it.
  struct Place {
    std::uint32_t offset = 0;   // of the payload in the work request
    std::uint32_t strides = 0;  // that begin with it
    std::size_t header = 0;     // bytes that go into a header entry; 0: the frame is not split
    bool match = false;
    bool flush = true;
  };

  explicit ReceiveQueue(const Parts& parts) : parts_(parts) {}
  [[nodiscard]] std::uint32_t StrideBytes() const { return 1U << log_stride_; }
  [[nodiscard]] std::uint32_t StridesFor(std::size_t bytes) const {
    return static_cast<std::uint32_t>((bytes + StrideBytes() - 1) >> log_stride_);
  }
  [[nodiscard]] std::size_t SplitAt(const Headers& headers) const;
  // How many of `frames` can follow one another in the open work request, as one session.
  [[nodiscard]] std::size_t SessionOf(std::span<const Incoming> frames) const;
  // Opens the next work request, after closing the one that is open. False: there is none.
  bool OpenNext(CompletionQueue& completions);
  [[nodiscard]] bool Deliver(const Incoming& in, const Place& place, CompletionQueue& completions);
  [[nodiscard]] Completion Describe(const Incoming& in) const;

  Parts parts_;
  std::uint32_t number_ = 0;
  std::uint32_t completion_queue_ = 0;
  std::uint8_t counter_set_ = 0;
  RingPages pages_;
  std::uint32_t log_size_ = 0;
  GuestAddress doorbell_record_ = 0;
  std::uint32_t strides_ = 0;  // of a work request; 0: the queue does not stride
  std::uint32_t log_stride_ = 0;
  // Of a queue that splits headers.
  bool splits_ = false;
  std::uint32_t header_key_ = 0;
  std::uint32_t log_header_entry_ = 0;
  std::uint32_t log_header_entries_ = 0;
  std::uint32_t log_reservation_ = 0;
  std::uint32_t headers_each_ = 0;  // header entries of a work request
  std::uint32_t next_header_ = 0;

  bool ready_ = false;
  std::uint16_t opened_ = 0;           // free-running count of work requests
  std::optional<std::uint16_t> last_;  // the one opened last, which names the next
  std::optional<Open> open_;
};

}  // namespace vnic::mlx5
