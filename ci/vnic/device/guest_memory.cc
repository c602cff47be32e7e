#include "ci/vnic/device/guest_memory.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iterator>
#include <limits>

namespace vnic {
namespace {

std::string Describe(GuestAddress address, std::uint64_t size) {
  return fmt::format("{:#x}+{:#x}", address, size);
}

}  // namespace

zcrx::Status GuestMemory::Map(GuestAddress address, std::uint64_t size, const zcrx::UniqueFd& fd,
                              std::uint64_t offset, DmaAccess access) {
  const std::string operation = "map " + Describe(address, size);
  if (size == 0 || address > std::numeric_limits<GuestAddress>::max() - size) {
    return zcrx::Fail(operation, EINVAL, "empty or past the end of the address space");
  }
  if (regions_.size() >= kMaxRegions) return zcrx::Fail(operation, ENOSPC, "too many regions");
  const auto next = regions_.lower_bound(address);
  if (next != regions_.end() && next->first < address + size) {
    return zcrx::Fail(operation, EEXIST, "overlaps " + Describe(next->first, next->second.size));
  }
  if (next != regions_.begin()) {
    const auto& [before, region] = *std::prev(next);
    if (before + region.size > address) {
      return zcrx::Fail(operation, EEXIST, "overlaps " + Describe(before, region.size));
    }
  }

  struct stat status{};
  if (::fstat(fd.Get(), &status) != 0) return zcrx::FailErrno(operation);
  const auto file_size = static_cast<std::uint64_t>(status.st_size);
  if (offset > file_size || size > file_size - offset) {
    return zcrx::Fail(operation, EINVAL,
                      fmt::format("offset {:#x} of a file of {:#x} bytes", offset, file_size));
  }

  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t lead = offset % page;
  const int protection = (access.read ? PROT_READ : 0) | (access.write ? PROT_WRITE : 0);
  void* mapping = ::mmap(nullptr, size + lead, protection, MAP_SHARED, fd.Get(),
                         static_cast<off_t>(offset - lead));
  if (mapping == MAP_FAILED) return zcrx::FailErrno(operation);
  regions_.emplace_hint(next, address,
                        Region{.size = size,
                               .access = access,
                               .data = static_cast<std::uint8_t*>(mapping) + lead,
                               .mapping = mapping,
                               .mapped = size + lead});
  return {};
}

zcrx::Status GuestMemory::Unmap(GuestAddress address, std::uint64_t size) {
  const std::string operation = "unmap " + Describe(address, size);
  if (size == 0 || address > std::numeric_limits<GuestAddress>::max() - size) {
    return zcrx::Fail(operation, EINVAL, "empty or past the end of the address space");
  }
  const GuestAddress end = address + size;
  const auto first = regions_.lower_bound(address);
  const auto last = regions_.lower_bound(end);
  const bool cuts_first = first != regions_.begin() &&
                          std::prev(first)->first + std::prev(first)->second.size > address;
  const bool cuts_last =
      first != last && std::prev(last)->first + std::prev(last)->second.size > end;
  if (cuts_first || cuts_last) return zcrx::Fail(operation, EINVAL, "would cut a region in two");
  for (auto region = first; region != last; ++region) Release(region->second);
  regions_.erase(first, last);
  return {};
}

void GuestMemory::Clear() {
  for (const auto& [address, region] : regions_) Release(region);
  regions_.clear();
}

void GuestMemory::Release(const Region& region) { ::munmap(region.mapping, region.mapped); }

std::uint8_t* GuestMemory::Find(GuestAddress address, std::uint64_t length,
                                bool DmaAccess::* needed) const {
  auto region = regions_.upper_bound(address);
  if (length == 0 || region == regions_.begin()) return nullptr;
  --region;
  const std::uint64_t offset = address - region->first;
  const Region& found = region->second;
  if (!(found.access.*needed) || offset >= found.size || length > found.size - offset) {
    return nullptr;
  }
  return found.data + offset;
}

std::span<const std::uint8_t> GuestMemory::Readable(GuestAddress address,
                                                    std::uint64_t length) const {
  const std::uint8_t* data = Find(address, length, &DmaAccess::read);
  return data ? std::span(data, length) : std::span<const std::uint8_t>{};
}

std::span<std::uint8_t> GuestMemory::Writable(GuestAddress address, std::uint64_t length) const {
  std::uint8_t* data = Find(address, length, &DmaAccess::write);
  return data ? std::span(data, length) : std::span<std::uint8_t>{};
}

}  // namespace vnic
