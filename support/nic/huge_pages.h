// The kernel's pool of 2 MiB huge pages (Documentation/admin-guide/mm/hugetlbpage.rst).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>

#include "support/base/deadline.h"
#include "support/base/pages.h"
#include "support/base/result.h"

namespace zcrx {

// Tests use another `folder`.
inline constexpr const char* kHugePagesFolder = "/sys/kernel/mm/hugepages/hugepages-2048kB";

struct HugePages {
  // nr_hugepages - surplus_hugepages. Surplus pages are in use although the pool was made smaller;
  // each is gone as soon as it is freed.
  uint64_t set_to = 0;
  // free_hugepages - resv_hugepages: neither used nor reserved.
  uint64_t free = 0;
  uint64_t used = 0;  // all others, including surplus pages
};

// How long the counts may take to settle. They change while the pages of an area are freed; one
// second was too short in a lab on a loaded machine.
inline constexpr std::chrono::seconds kCountsSettle{10};

// Returns consistent counts: reads them again while they change. Fails with ETIMEDOUT and the last
// counts.
Result<HugePages> GetHugePages(const std::filesystem::path& folder = kHugePagesFolder,
                               Deadline deadline = Deadline::In(kCountsSettle));

// Sets the size of the pool. The kernel accepts any number and allocates as many pages as it has
// memory for. Fails with ENOMEM, and the current size, if there are fewer than requested.
//
// The result is judged by the size the pool is set to, not by the pages in use: pages beyond it
// become surplus at once and are gone when their users free them. Their users are unknown (a
// program, or an area that the kernel has not released yet, which it does in a kworker), so this
// call does not wait for them.
Status SetHugePages(uint64_t pages, const std::filesystem::path& folder = kHugePagesFolder);

}  // namespace zcrx
