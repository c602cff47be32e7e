#include "support/zcrx/refill_ring.h"

#include <atomic>
#include <bit>

namespace zcrx {
namespace {

bool Fits(std::span<std::byte> region, uint64_t offset, uint64_t bytes, uint64_t alignment) {
  return offset % alignment == 0 && offset <= region.size() && bytes <= region.size() - offset;
}

}  // namespace

Result<RefillRing> RefillRing::Map(std::span<std::byte> region,
                                   const uapi::io_uring_zcrx_offsets& offsets, uint32_t entries) {
  const auto refuse = [&](const char* what, uint32_t offset) {
    return Fail(fmt::format("map a refill ring of {} entries in {} bytes", entries, region.size()),
                ERANGE, fmt::format("{} at offset {}", what, offset));
  };
  if (!std::has_single_bit(entries)) {
    return Fail(fmt::format("map a refill ring of {} entries", entries), EINVAL,
                "not a power of two");
  }
  if (!Fits(region, offsets.head, sizeof(uint32_t), alignof(uint32_t))) {
    return refuse("head", offsets.head);
  }
  if (!Fits(region, offsets.tail, sizeof(uint32_t), alignof(uint32_t))) {
    return refuse("tail", offsets.tail);
  }
  if (!Fits(region, offsets.rqes, uint64_t{entries} * sizeof(uapi::io_uring_zcrx_rqe),
            alignof(uapi::io_uring_zcrx_rqe))) {
    return refuse("entries", offsets.rqes);
  }
  return RefillRing(reinterpret_cast<uint32_t*>(region.data() + offsets.head),
                    reinterpret_cast<uint32_t*>(region.data() + offsets.tail),
                    reinterpret_cast<uapi::io_uring_zcrx_rqe*>(region.data() + offsets.rqes),
                    entries);
}

bool RefillRing::Push(const uapi::io_uring_zcrx_rqe& entry) {
  // Acquire: an entry must not be rewritten before the kernel has read it.
  const uint32_t head = std::atomic_ref(*head_).load(std::memory_order_acquire);
  if (next_ - head >= entries_) return false;
  ring_[next_ & (entries_ - 1)] = entry;
  ++next_;
  return true;
}

void RefillRing::Publish() {
  // Release: entries must be visible before the tail that covers them.
  std::atomic_ref(*tail_).store(next_, std::memory_order_release);
}

void RefillRing::Resume() {
  kept_.clear();
  next_ = std::atomic_ref(*head_).load(std::memory_order_acquire);
  Publish();
}

void RefillRing::Return(uint64_t offset, uint32_t length) {
  // Buffers that are already kept go first, so that none waits forever.
  if (kept_.empty() && Push(offset, length)) return;
  kept_.push_back({.off = offset, .len = length, .pad = 0});
}

size_t RefillRing::Flush() {
  while (!kept_.empty() && Push(kept_.front().off, kept_.front().len)) kept_.pop_front();
  Publish();
  return kept_.size();
}

}  // namespace zcrx
