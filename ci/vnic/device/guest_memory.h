// The guest's memory as the device sees it: what the client has mapped for DMA, and nothing else.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "ci/vnic/base/endian.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace vnic {

// Guest-physical (or I/O virtual) address.
using GuestAddress = std::uint64_t;

struct DmaAccess {
  bool read = false;   // the device may read: the guest's transmit buffers, descriptors
  bool write = false;  // the device may write: receive buffers, completions
};

// Every address and length in a descriptor is the guest's word. An access returns the bytes only
// where all of them lie in one mapped region that allows it; otherwise nothing, and the caller
// refuses what it was asked for. A span is good until the next Map, Unmap or Clear: look the
// address up again for each descriptor, never keep a span.
class GuestMemory {
 public:
  GuestMemory() = default;
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;
  ~GuestMemory() { Clear(); }

  // Maps `size` bytes of `fd` from `offset` on at `address`. Neither needs to be page-aligned.
  // EINVAL: empty, past the end of the address space, or more than the file holds (a page behind
  // the end of a file raises SIGBUS). EEXIST: overlaps a region. ENOSPC: too many regions.
  zcrx::Status Map(GuestAddress address, std::uint64_t size, const zcrx::UniqueFd& fd,
                   std::uint64_t offset, DmaAccess access);
  // Removes the regions within the range; none is no error. EINVAL where one is only partly in it
  // (linux/vfio.h, VFIO_IOMMU_UNMAP_DMA: a mapping is not bisected).
  zcrx::Status Unmap(GuestAddress address, std::uint64_t size);
  void Clear();

  // Empty: refused. So is a length of 0.
  [[nodiscard]] std::span<const std::uint8_t> Readable(GuestAddress address,
                                                       std::uint64_t length) const;
  [[nodiscard]] std::span<std::uint8_t> Writable(GuestAddress address, std::uint64_t length) const;

  template <Plain T>
  [[nodiscard]] std::optional<T> Load(GuestAddress address) const {
    const auto bytes = Readable(address, sizeof(T));
    if (bytes.empty()) return std::nullopt;
    return LoadAt<T>(bytes);
  }
  // False: refused.
  template <Plain T>
  [[nodiscard]] bool Store(GuestAddress address, const T& value) const {
    const auto bytes = Writable(address, sizeof(T));
    if (bytes.empty()) return false;
    StoreAt(bytes, 0, value);
    return true;
  }

  // Like Store, but what makes a record valid appears last: the first 8 bytes, in one store, after
  // all the others. False also where that is not aligned to 8 bytes.
  template <Plain T>
  [[nodiscard]] bool Publish(GuestAddress address, const T& value) const {
    static_assert(sizeof(T) >= sizeof(std::uint64_t));
    const auto bytes = Writable(address, sizeof(T));
    if (bytes.empty() || reinterpret_cast<std::uintptr_t>(bytes.data()) % 8 != 0) return false;
    std::array<std::uint8_t, sizeof(T)> image{};
    StoreAt<T>(image, 0, value);
    constexpr std::size_t kFirst = sizeof(std::uint64_t);
    if constexpr (sizeof(T) > kFirst) {
      std::memcpy(bytes.data() + kFirst, image.data() + kFirst, sizeof(T) - kFirst);
    }
    auto* first = reinterpret_cast<std::uint64_t*>(bytes.data());
    std::atomic_ref(*first).store(LoadAt<std::uint64_t>(image), std::memory_order_release);
    return true;
  }

  [[nodiscard]] std::size_t Regions() const { return regions_.size(); }

 private:
  struct Region {
    std::uint64_t size = 0;
    DmaAccess access;
    std::uint8_t* data = nullptr;  // of `address`, inside the mapping
    void* mapping = nullptr;       // page-aligned, as mmap returned it
    std::size_t mapped = 0;
  };
  // A guest has about ten; the limit keeps a client from using up our address space.
  static constexpr std::size_t kMaxRegions = 1024;

  static void Release(const Region& region);
  [[nodiscard]] std::uint8_t* Find(GuestAddress address, std::uint64_t length,
                                   bool DmaAccess::* needed) const;

  std::map<GuestAddress, Region> regions_;
};

}  // namespace vnic
