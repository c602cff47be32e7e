#include "support/zcrx/area.h"

#include <linux/mman.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>

namespace zcrx {

Result<Area> Area::Allocate(size_t bytes, AreaKind kind) {
  const bool huge = kind == AreaKind::kHugePages;
  const size_t page = huge ? kHugePageBytes : PageBytes();
  const std::string operation =
      fmt::format("allocate {} KiB in pages of {} KiB", bytes / 1024, page / 1024);
  if (bytes == 0 || bytes % page != 0) {
    return Fail(operation, EINVAL, fmt::format("{} bytes are no multiple of the page", bytes));
  }
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (huge ? MAP_HUGETLB | MAP_HUGE_2MB : 0);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (memory == MAP_FAILED) {
    return FailErrno(operation, huge ? fmt::format("needs {} free pages in the pool "
                                                   "(vm.nr_hugepages)",
                                                   bytes / page)
                                     : "");
  }
  return Area(std::span(static_cast<std::byte*>(memory), bytes));
}

Area::Area(Area&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Area& Area::operator=(Area&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

// The kernel has pinned what it still uses, so an area may go before its registration has.
Area::~Area() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

Result<std::span<const std::byte>> Area::At(uint64_t offset, uint64_t length) const {
  if (offset > bytes_.size() || length > bytes_.size() - offset) {
    return Fail(fmt::format("look at {} bytes at offset {} of the area", length, offset), ERANGE,
                fmt::format("the area has {} bytes", bytes_.size()));
  }
  return bytes_.subspan(offset, length);
}

}  // namespace zcrx
