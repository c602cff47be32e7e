// The refill ring, through which buffers are returned to the kernel.
//
// The application moves the tail, the kernel moves the head. Both are free-running 32-bit counters;
// the number of entries is a power of two, and tail - head never exceeds it. Source of the rules:
// zcrx_rq_entries() and zcrx_next_rqe() in io_uring/zcrx.c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>

#include "support/base/result.h"
#include "support/zcrx/uapi.h"

namespace zcrx {

class RefillRing {
 public:
  // Maps the ring in `region`, which must outlive it. `offsets` (bytes) and `entries` are those
  // that registration returned. Fails if an offset is outside the region or misaligned; the error
  // names it.
  static Result<RefillRing> Map(std::span<std::byte> region,
                                const uapi::io_uring_zcrx_offsets& offsets, uint32_t entries);

  // Adds one buffer; the kernel sees it after the next Publish(). Returns false if the ring is
  // full.
  bool Push(uint64_t offset, uint32_t length) { return Push({offset, length, 0}); }
  bool Push(const uapi::io_uring_zcrx_rqe& entry);
  void Publish();

  // Returns a buffer to the kernel now or, if the ring is full, in a later Flush().
  void Return(uint64_t offset, uint32_t length);
  // Adds as many kept buffers as fit and publishes them. Returns how many are still kept.
  size_t Flush();

  [[nodiscard]] size_t Kept() const { return kept_.size(); }
  // Returns the counters that are shared with the kernel, for tests of what it makes of wrong ones.
  struct Counters {
    uint32_t* head;
    uint32_t* tail;
  };
  [[nodiscard]] Counters Shared() const { return {head_, tail_}; }
  // Begins anew where the kernel is: forgets what it has not taken.
  void Resume();

 private:
  RefillRing(uint32_t* head, uint32_t* tail, uapi::io_uring_zcrx_rqe* ring, uint32_t entries)
      : head_(head), tail_(tail), ring_(ring), entries_(entries), next_(*tail) {}

  uint32_t* head_;  // written by the kernel
  uint32_t* tail_;  // written by us: what is published
  uapi::io_uring_zcrx_rqe* ring_;
  uint32_t entries_;
  uint32_t next_;  // the tail including unpublished entries
  std::deque<uapi::io_uring_zcrx_rqe> kept_;
};

}  // namespace zcrx
