#include "test/hw/holdings.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "support/base/wait.h"
#include "support/nic/declared_nic.h"
#include "support/nic/huge_pages.h"
#include "support/nic/queues.h"

namespace zcrx {
namespace {

constexpr std::chrono::seconds kGivenBack{5};

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

Result<Holdings> TakeStockAtRest(Nic& nic) {
  Holdings now;
  const auto settled = [&]() -> Result<bool> {
    ZCRX_ASSIGN_OR_RETURN(now, TakeStock(nic));
    return now.pinned_kib == 0 && now.leaving_pools == 0;
  };
  const Status rests =
      Becomes("tests before this one hold nothing", settled, Deadline::In(kProviderLeaves));
  if (!rests) return Fail(rests.error().Text(), rests.error().code, now.Text());
  return now;
}

Status BecomesAgain(Nic& nic, const Holdings& before) {
  Holdings after;
  const auto as_before = [&]() -> Result<bool> {
    ZCRX_ASSIGN_OR_RETURN(after, TakeStock(nic));
    return after == before;
  };
  const Status given = Becomes("all is given back", as_before, Deadline::In(kGivenBack));
  if (given) return {};
  return Fail(given.error().Text(), given.error().code,
              fmt::format("before: {}; after: {}", before.Text(), after.Text()));
}

}  // namespace zcrx
