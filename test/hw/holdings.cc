#include "test/hw/holdings.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "support/base/wait.h"
#include "support/net/each_cpu.h"
#include "support/nic/declared_nic.h"
#include "support/nic/huge_pages.h"
#include "support/nic/queues.h"

namespace zcrx {
namespace {

constexpr std::chrono::seconds kGivenBack{5};

}  // namespace

std::string Holdings::Text() const {
  return fmt::format("{}, {} free huge pages, {} page pools ({} leaving)", process.Text(),
                     free_huge_pages, page_pools, leaving_pools);
}

Result<Holdings> TakeStock(Nic& nic) {
  ZCRX_RETURN_IF_ERROR(ReceiveOnEachCpu());
  Holdings holdings;
  ZCRX_ASSIGN_OR_RETURN(holdings.process, TakeProcessStock());
  if (HugePagesLock::OfProcess().IsHeld()) {
    ZCRX_ASSIGN_OR_RETURN(const HugePages huge_pages, GetHugePages());
    holdings.free_huge_pages = huge_pages.free;
  }
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
    return now.process.pinned_kib == 0 && now.leaving_pools == 0;
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
