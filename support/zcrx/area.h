// The memory that payload is received into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "support/base/pages.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

enum class AreaKind {
  kPages,      // anonymous pages
  kHugePages,  // anonymous 2 MiB pages, from the pool in vm.nr_hugepages: for rx_buf_len > a page
  kMemfd,      // pages of a memfd(2), which another process may map too
  kUdmabuf,    // pages behind a dmabuf (drivers/dma-buf/udmabuf.c), which the NIC can write to and
               // the kernel's copy fallback cannot (io_alloc_fallback_niov() in io_uring/zcrx.c)
};

class Area {
 public:
  Area() = default;  // empty
  // Maps `bytes` bytes, a multiple of the kind's page size. Fails with ENOMEM if the huge page pool
  // is too small, with ENOENT if the kernel has no udmabuf.
  static Result<Area> Allocate(size_t bytes, AreaKind kind = AreaKind::kPages);
  // Maps a region of an io_uring, at the offset that registration returned (io_uring_mmap() in
  // io_uring/memmap.c). As long as it is mapped, the ring lives.
  static Result<Area> MapRing(int ring, uint64_t offset, size_t bytes);
  Area(Area&& other) noexcept;
  Area& operator=(Area&& other) noexcept;
  ~Area();

  [[nodiscard]] std::span<std::byte> Bytes() const { return bytes_; }
  // Returns the dmabuf of a kUdmabuf area, an invalid descriptor for other kinds.
  [[nodiscard]] const UniqueFd& Dmabuf() const { return dmabuf_; }
  // Returns `length` bytes at `offset`. Fails unless all of them are inside the area: a
  // completion's offset and length are checked before they are used.
  [[nodiscard]] Result<std::span<const std::byte>> At(uint64_t offset, uint64_t length) const;

 private:
  static Result<Area> Map(const std::string& operation, size_t bytes, int flags, int fd);
  explicit Area(std::span<std::byte> bytes) : bytes_(bytes) {}

  std::span<std::byte> bytes_;
  UniqueFd dmabuf_;
};

}  // namespace zcrx
