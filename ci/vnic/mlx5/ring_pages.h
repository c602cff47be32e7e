// The memory of a queue: a list of the guest's pages, and how records are published in it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ci/vnic/device/guest_memory.h"
#include "ci/vnic/mlx5/bits.h"
#include "support/base/result.h"

namespace vnic::mlx5 {

// An event or a completion.
inline constexpr std::size_t kRecord = 64;

class RingPages {
 public:
  RingPages() = default;
  // `list`: the addresses of pages of 4096 << `log_page_size` bytes. EINVAL where they hold less
  // than `size` bytes, or where that is more than any queue of this NIC has. The pages themselves
  // are looked up at each access.
  static zcrx::Result<RingPages> Open(Bits list, std::uint32_t log_page_size, std::uint64_t size);

  // Precondition: `offset` is less than the size.
  [[nodiscard]] GuestAddress At(std::uint64_t offset) const {
    return pages_[offset >> log_page_] + (offset & ((std::uint64_t{1} << log_page_) - 1));
  }

 private:
  std::vector<GuestAddress> pages_;
  std::uint32_t log_page_ = 0;
};

// Writes a record so that its last byte, which makes it valid, appears with the last 8 bytes, after
// all the others. False: refused; nothing was written.
bool Publish(const GuestMemory& memory, GuestAddress address,
             std::span<const std::uint8_t, kRecord> record);

}  // namespace vnic::mlx5
