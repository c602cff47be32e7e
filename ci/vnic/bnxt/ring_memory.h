// The memory of a ring: 4 KiB pages of the guest's, 256 records of 16 bytes each.
#pragma once

#include <cstdint>
#include <vector>

#include "ci/vnic/bnxt/records.h"
#include "ci/vnic/device/guest_memory.h"
#include "support/base/result.h"

namespace vnic::bnxt {

class RingMemory {
 public:
  // `length` in records. Depth 0: `table` is the address of the only page; 1: of a page of page
  // addresses (bnxt_hwrm.c, struct bnxt_ring_mem_info). EINVAL where the length is no power of two
  // or more than the pages of that depth hold, EFAULT where the table is not in memory. The pages
  // themselves are looked up at each access.
  static zcrx::Result<RingMemory> Open(const GuestMemory& memory, GuestAddress table,
                                       std::uint8_t depth, std::uint32_t length);

  [[nodiscard]] std::uint32_t Size() const { return size_; }
  [[nodiscard]] std::uint32_t Mask() const { return size_ - 1; }
  // Any index: the ring goes round.
  [[nodiscard]] GuestAddress At(std::uint32_t index) const;

 private:
  RingMemory(std::vector<GuestAddress> pages, std::uint32_t size)
      : pages_(std::move(pages)), size_(size) {}

  std::vector<GuestAddress> pages_;
  std::uint32_t size_;
};

}  // namespace vnic::bnxt
