#include "ci/vnic/mlx5/memory_keys.h"

#include <algorithm>
#include <cerrno>
#include <limits>

namespace vnic::mlx5 {
namespace {

// create_mkey_in: the key's context is at 0x10.
constexpr Field kModeHigh{0x10, 26, 3};
constexpr Field kModeLow{0x10, 8, 2};
constexpr Field kVariant{0x10 + 0x04, 0, 8};
constexpr Field kUnbounded{0x10 + 0x0c, 31, 1};
constexpr std::size_t kStart = 0x10 + 0x10;
constexpr std::size_t kLength = 0x10 + 0x18;
constexpr Field kTableOctwords{0x10 + 0x34, 0, 32};
constexpr Field kLogPageSize{0x10 + 0x38, 0, 6};
constexpr std::size_t kTable = 0x110;

// The smallest that the driver has are entries for headers (core/en/params.c, 256 bytes). Smaller
// ones would make a copy a walk through the table.
constexpr std::uint32_t kLeastLogPageSize = 8;
constexpr std::uint32_t kMostLogPageSize = 40;
constexpr std::size_t kMostTableBytes = std::size_t{1} << 20;        // of one key
constexpr std::size_t kMostTableBytesOfAll = std::size_t{64} << 20;  // of the function
constexpr std::uint64_t kEntryFlags = 7;  // the lowest bits of an entry (core/en.h, MLX5_EN_WR)

constexpr std::uint32_t Index(std::uint32_t key) { return key >> 8U; }
constexpr std::uint8_t Variant(std::uint32_t key) { return static_cast<std::uint8_t>(key); }

}  // namespace

zcrx::Result<std::uint32_t> MemoryKeys::Create(Bits request) {
  const auto wrong = [](int code, std::string reason) {
    return zcrx::Fail("make a memory key", code, std::move(reason));
  };
  Key key;
  key.mode = static_cast<Mode>(request[kModeHigh] << 2U | request[kModeLow]);
  key.variant = static_cast<std::uint8_t>(request[kVariant]);
  key.unbounded = request.Has(kUnbounded);
  key.start = request.Long(kStart);
  key.length = request.Long(kLength);
  key.log_page_size = request[kLogPageSize];
  if (key.mode != Mode::kPhysical && key.mode != Mode::kPages && key.mode != Mode::kKeys) {
    return wrong(EINVAL, fmt::format("access mode {}", static_cast<unsigned>(key.mode)));
  }
  const bool paged = key.mode != Mode::kPhysical;
  if (key.log_page_size > kMostLogPageSize || (paged && key.log_page_size < kLeastLogPageSize)) {
    return wrong(EINVAL, fmt::format("pages of 2^{} bytes", key.log_page_size));
  }
  if (paged) {
    const std::size_t size = request[kTableOctwords] * kOctword;
    if (size > kMostTableBytes || size > kMostTableBytesOfAll - table_bytes_) {
      return wrong(ENOSPC, fmt::format("a table of {} bytes", size));
    }
    key.table.resize(size);
    const auto initial = request.From(kTable).Bytes();
    std::ranges::copy(initial.first(std::min(initial.size(), size)), key.table.begin());
  }
  ZCRX_ASSIGN_OR_RETURN(const std::uint32_t index, table_.Reserve());
  table_bytes_ += key.table.size();
  table_.Put(index, std::make_shared<Key>(std::move(key)));
  return index;
}

zcrx::Status MemoryKeys::Destroy(std::uint32_t index) {
  ZCRX_ASSIGN_OR_RETURN(const auto key, table_.Get(index));
  table_bytes_ -= key->table.size();
  return table_.Destroy(index);
}

void MemoryKeys::Clear() {
  table_.Clear();
  table_bytes_ = 0;
}

zcrx::Status MemoryKeys::Update(std::uint32_t key, std::size_t octword,
                                std::span<const std::uint8_t> bytes) {
  ZCRX_ASSIGN_OR_RETURN(const auto found, table_.Get(Index(key)));
  const std::size_t at = octword * kOctword;
  if (at > found->table.size() || bytes.size() > found->table.size() - at) {
    return zcrx::Fail(fmt::format("update key {:#x}", key), EINVAL,
                      fmt::format("{}+{} of {} bytes", at, bytes.size(), found->table.size()));
  }
  std::ranges::copy(bytes, std::span(found->table).subspan(at).begin());
  return {};
}

std::optional<MemoryKeys::Run> MemoryKeys::Resolve(std::uint32_t key, std::uint64_t address,
                                                   unsigned depth) const {
  const auto found = table_.Find(Index(key));
  if (found == nullptr || found->variant != Variant(key)) return std::nullopt;
  if (found->mode == Mode::kPhysical) {
    return Run{.address = address, .length = std::numeric_limits<std::uint64_t>::max()};
  }
  const std::uint64_t offset = address - found->start;
  if (!found->unbounded && offset >= found->length) return std::nullopt;
  const std::uint64_t page = offset >> found->log_page_size;
  const std::uint64_t page_size = std::uint64_t{1} << found->log_page_size;
  const std::uint64_t in_page = offset & (page_size - 1);
  std::uint64_t left = page_size - in_page;
  if (!found->unbounded) left = std::min(left, found->length - offset);
  const Bits table(found->table);
  if (found->mode == Mode::kPages) {
    if (page >= found->table.size() / sizeof(Be64)) return std::nullopt;
    const std::uint64_t entry = table.Long(page * sizeof(Be64)) & ~kEntryFlags;
    return Run{.address = entry + in_page, .length = left};
  }
  if (depth == 0 || page >= found->table.size() / kOctword) return std::nullopt;
  const Bits entry = table.From(page * kOctword);
  auto run = Resolve(entry.Word(4), entry.Long(8) + in_page, depth - 1);
  if (run) run->length = std::min(run->length, left);
  return run;
}

bool MemoryKeys::Read(std::uint32_t key, std::uint64_t address, std::uint64_t length,
                      const std::function<void(std::span<const std::uint8_t>)>& take) const {
  while (length > 0) {
    const auto run = Resolve(key, address);
    if (!run) return false;
    const std::uint64_t part = std::min(length, run->length);
    const auto source = memory_.Readable(run->address, part);
    if (source.empty()) return false;
    take(source);
    length -= part;
    address += part;
  }
  return true;
}

}  // namespace vnic::mlx5
