#include "test/hw/holdings.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "support/nic/huge_pages.h"
#include "support/nic/queues.h"

namespace zcrx {
namespace {

Result<size_t> CountDescriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator open("/proc/self/fd", error);
  if (error) return Fail("list /proc/self/fd", error.value());
  return static_cast<size_t>(std::distance(begin(open), end(open)));
}

Result<uint64_t> GetPinnedKib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmPin:"))
      return std::stoull(line.substr(line.find_first_of("0123456789")));
  }
  return Fail("read VmPin of /proc/self/status");
}

}  // namespace

std::string Holdings::Text() const {
  return fmt::format(
      "{} descriptors, {} KiB pinned, {} free huge pages, {} page pools ({} leaving)", descriptors,
      pinned_kib, free_huge_pages, page_pools, leaving_pools);
}

Result<Holdings> TakeStock(Nic& nic) {
  Holdings holdings;
  ZCRX_ASSIGN_OR_RETURN(holdings.descriptors, CountDescriptors());
  ZCRX_ASSIGN_OR_RETURN(holdings.pinned_kib, GetPinnedKib());
  ZCRX_ASSIGN_OR_RETURN(const HugePages huge_pages, GetHugePages());
  holdings.free_huge_pages = huge_pages.free;
  ZCRX_ASSIGN_OR_RETURN(const std::vector<PagePool> pools, GetPagePools(nic));
  holdings.page_pools = pools.size();
  holdings.leaving_pools = static_cast<size_t>(std::ranges::count_if(
      pools, [](const PagePool& pool) { return pool.io_uring || pool.detach_time; }));
  return holdings;
}

}  // namespace zcrx
