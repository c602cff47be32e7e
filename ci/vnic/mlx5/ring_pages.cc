#include "ci/vnic/mlx5/ring_pages.h"

#include <algorithm>
#include <atomic>
#include <cerrno>

namespace vnic::mlx5 {
namespace {

constexpr std::uint32_t kLogSmallestPage = 12;
constexpr std::uint32_t kMostLogPageSize = 18;
constexpr std::uint64_t kMaxRing = std::uint64_t{4} << 20U;

}  // namespace

zcrx::Result<RingPages> RingPages::Open(Bits list, std::uint32_t log_page_size,
                                        std::uint64_t size) {
  const auto wrong = [&](std::string reason) {
    return zcrx::Fail("open the pages of a queue", EINVAL, std::move(reason));
  };
  if (log_page_size > kMostLogPageSize) return wrong(fmt::format("page size {}", log_page_size));
  if (size == 0 || size > kMaxRing) return wrong(fmt::format("{} bytes", size));
  RingPages ring;
  ring.log_page_ = kLogSmallestPage + log_page_size;
  const std::uint64_t needed = ((size - 1) >> ring.log_page_) + 1;
  if (list.Size() / sizeof(Be64) < needed) {
    return wrong(fmt::format("{} pages for {} bytes", list.Size() / sizeof(Be64), size));
  }
  ring.pages_.reserve(needed);
  for (std::size_t i = 0; i < needed; ++i) {
    const std::uint64_t mask = (std::uint64_t{1} << kLogSmallestPage) - 1;
    ring.pages_.push_back(list.Long(i * sizeof(Be64)) & ~mask);
  }
  return ring;
}

bool Publish(const GuestMemory& memory, GuestAddress address,
             std::span<const std::uint8_t, kRecord> record) {
  constexpr std::size_t kLast = kRecord - sizeof(std::uint64_t);
  const auto bytes = memory.Writable(address, kRecord);
  if (bytes.empty() || reinterpret_cast<std::uintptr_t>(bytes.data()) % 8 != 0) return false;
  std::ranges::copy(record.first(kLast), bytes.begin());
  auto* last = reinterpret_cast<std::uint64_t*>(bytes.subspan(kLast).data());
  std::atomic_ref(*last).store(LoadAt<std::uint64_t>(record, kLast), std::memory_order_release);
  return true;
}

}  // namespace vnic::mlx5
