#include "ci/vnic/bnxt/ring_memory.h"

#include <fmt/format.h>

#include <bit>
#include <cerrno>

namespace vnic::bnxt {
namespace {

constexpr std::uint32_t kPage = 4096;
constexpr std::uint32_t kRecordsInPage = kPage / kRecordSize;
constexpr std::uint32_t kAddressesInPage = kPage / sizeof(Le64);
constexpr GuestAddress kPageFlags = kPage - 1;  // "valid", "last" and "next to last": not needed

}  // namespace

zcrx::Result<RingMemory> RingMemory::Open(const GuestMemory& memory, GuestAddress table,
                                          std::uint8_t depth, std::uint32_t length) {
  const std::uint32_t most = depth == 0 ? kRecordsInPage : kAddressesInPage * kRecordsInPage;
  if (depth > 1 || !std::has_single_bit(length) || length > most) {
    return zcrx::Fail(fmt::format("ring of {} records in pages of depth {}", length, depth),
                      EINVAL);
  }
  if (depth == 0) return RingMemory({table}, length);

  const std::uint32_t count = (length + kRecordsInPage - 1) / kRecordsInPage;
  const auto entries = memory.Readable(table, count * sizeof(Le64));
  if (entries.empty()) {
    return zcrx::Fail(fmt::format("page table of a ring at {:#x}", table), EFAULT);
  }
  std::vector<GuestAddress> pages;
  pages.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    pages.push_back(LoadAt<Le64>(entries, i * sizeof(Le64)) & ~kPageFlags);
  }
  return RingMemory(std::move(pages), length);
}

GuestAddress RingMemory::At(std::uint32_t index) const {
  const std::uint32_t record = index & Mask();
  return pages_[record / kRecordsInPage] + record % kRecordsInPage * kRecordSize;
}

}  // namespace vnic::bnxt
