#include "support/zcrx/area.h"

#include <fcntl.h>
#include <linux/mman.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>

namespace zcrx {
namespace {

// Exports `memory` as a dmabuf. The driver takes a memfd that cannot shrink and is not sealed
// against writing (check_memfd_seals() in drivers/dma-buf/udmabuf.c).
Result<UniqueFd> ExportDmabuf(const std::string& operation, const UniqueFd& memory, size_t bytes) {
  const UniqueFd driver(open("/dev/udmabuf", O_RDWR | O_CLOEXEC));
  if (!driver.Valid()) {
    return FailErrno(operation, "open /dev/udmabuf: the kernel needs CONFIG_UDMABUF");
  }
  udmabuf_create create = {};
  create.memfd = static_cast<uint32_t>(memory.Get());
  create.flags = UDMABUF_FLAGS_CLOEXEC;
  create.size = bytes;
  UniqueFd dmabuf(ioctl(driver.Get(), UDMABUF_CREATE, &create));
  if (!dmabuf.Valid()) return FailErrno(operation, "UDMABUF_CREATE");
  return dmabuf;
}

}  // namespace

Result<Area> Area::Allocate(size_t bytes, AreaKind kind) {
  const bool huge = kind == AreaKind::kHugePages;
  const size_t page = huge ? kHugePageBytes : PageBytes();
  const std::string operation =
      fmt::format("allocate {} KiB in pages of {} KiB{}", bytes / 1024, page / 1024,
                  kind == AreaKind::kUdmabuf ? " as a dmabuf" : "");
  if (bytes == 0 || bytes % page != 0) {
    return Fail(operation, EINVAL,
                fmt::format("{} bytes are not a multiple of the page size", bytes));
  }
  if (kind == AreaKind::kPages || huge) {
    const int in_huge_pages = huge ? MAP_HUGETLB | MAP_HUGE_2MB : 0;
    return Map(operation, bytes, MAP_PRIVATE | MAP_ANONYMOUS | in_huge_pages, -1);
  }
  const UniqueFd memory(memfd_create("zcrx area", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.Valid() || ftruncate(memory.Get(), static_cast<off_t>(bytes)) != 0 ||
      fcntl(memory.Get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
    return FailErrno(operation);
  }
  ZCRX_ASSIGN_OR_RETURN(Area area, Map(operation, bytes, MAP_SHARED, memory.Get()));
  if (kind == AreaKind::kUdmabuf) {
    ZCRX_ASSIGN_OR_RETURN(area.dmabuf_, ExportDmabuf(operation, memory, bytes));
  }
  return area;
}

Result<Area> Area::MapRing(int ring, uint64_t offset, size_t bytes) {
  void* memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring, static_cast<off_t>(offset));
  if (memory == MAP_FAILED) {
    return FailErrno(fmt::format("map {} bytes of the ring at offset {:#x}", bytes, offset));
  }
  return Area(std::span(static_cast<std::byte*>(memory), bytes));
}

Result<Area> Area::Map(const std::string& operation, size_t bytes, int flags, int fd) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (memory == MAP_FAILED) {
    const bool huge = (flags & MAP_HUGETLB) != 0;
    return FailErrno(operation, huge ? fmt::format("needs {} free pages in the pool "
                                                   "(vm.nr_hugepages)",
                                                   bytes / kHugePageBytes)
                                     : "");
  }
  return Area(std::span(static_cast<std::byte*>(memory), bytes));
}

Area::Area(Area&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), dmabuf_(std::move(other.dmabuf_)) {}

Area& Area::operator=(Area&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(dmabuf_, other.dmabuf_);
  return *this;
}

// The kernel pins the pages it still uses, so an area may be unmapped before its registration ends.
Area::~Area() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

Result<std::span<const std::byte>> Area::At(uint64_t offset, uint64_t length) const {
  if (offset > bytes_.size() || length > bytes_.size() - offset) {
    return Fail(fmt::format("access {} bytes at offset {} of the area", length, offset), ERANGE,
                fmt::format("the area has {} bytes", bytes_.size()));
  }
  return bytes_.subspan(offset, length);
}

}  // namespace zcrx
