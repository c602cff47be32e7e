// What a registration holds of the machine, by what the kernel shows: to be compared before and
// after.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "fixtures/evidence/process_holdings.h"
#include "support/base/result.h"
#include "support/nic/nic.h"

namespace zcrx {

struct Holdings {
  ProcessHoldings process;
  uint64_t free_huge_pages = 0;  // of 2 MiB; 0 while the pool is not this run's (HugePagesLock)
  size_t page_pools = 0;         // of the NIC
  size_t leaving_pools = 0;      // of these: io_uring's, and those that wait for their last buffers

  bool operator==(const Holdings&) const = default;
  [[nodiscard]] std::string Text() const;
};

// Leaves out what only waits for its CPU to receive again: ReceiveOnEachCpu().
Result<Holdings> TakeStock(Nic& nic);
// Takes stock once nothing is held for tests before this one: the kernel lets go of an area some
// time after it has left the queue.
Result<Holdings> TakeStockAtRest(Nic& nic);
// Waits until all is given back that was not held `before`.
Status BecomesAgain(Nic& nic, const Holdings& before);

}  // namespace zcrx
