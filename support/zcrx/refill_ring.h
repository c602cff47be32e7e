// The ring through which buffers go back to the kernel.
//
// One writer (us) moves the tail, one reader (the kernel) the head; both are free-running 32-bit
// counters, and the number of entries is a power of two. tail - head never exceeds it.
// Source of the rules: zcrx_rq_entries() and zcrx_next_rqe() in io_uring/zcrx.c.
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
  // `region` outlives the ring; `offsets` (bytes) and `entries` as registration answered. The
  // error names the offset that lies outside the region or is not aligned.
  static Result<RefillRing> Map(std::span<std::byte> region,
                                const uapi::io_uring_zcrx_offsets& offsets, uint32_t entries);

  // Puts one buffer on the ring; false when the kernel has yet to take one. The kernel sees it
  // with the next Publish().
  bool Push(uint64_t offset, uint32_t length);
  void Publish();

  // Gives a buffer back now, or with a later Flush() when the ring is full.
  void Return(uint64_t offset, uint32_t length);
  // Puts as many kept buffers on the ring as fit and publishes; how many are still kept.
  size_t Flush();

  [[nodiscard]] size_t Kept() const { return kept_.size(); }

 private:
  RefillRing(uint32_t* head, uint32_t* tail, uapi::io_uring_zcrx_rqe* ring, uint32_t entries)
      : head_(head), tail_(tail), ring_(ring), entries_(entries), next_(*tail) {}

  uint32_t* head_;  // the kernel's
  uint32_t* tail_;  // ours, as published
  uapi::io_uring_zcrx_rqe* ring_;
  uint32_t entries_;
  uint32_t next_;  // the tail with what is not published yet
  std::deque<uapi::io_uring_zcrx_rqe> kept_;
};

}  // namespace zcrx
