// The kernel's pool of 2 MiB huge pages (Documentation/admin-guide/mm/hugetlbpage.rst).
#pragma once

#include <cstdint>
#include <filesystem>

#include "support/base/deadline.h"
#include "support/base/pages.h"
#include "support/base/result.h"

namespace zcrx {

// `folder` is for tests.
inline constexpr const char* kHugePagesFolder = "/sys/kernel/mm/hugepages/hugepages-2048kB";

// nr_hugepages less surplus_hugepages: what the pool is set to, its pages used or free. Surplus are
// pages in use that the pool was set too small for; each is gone as soon as it is given back.
Result<uint64_t> GetHugePages(const std::filesystem::path& folder = kHugePagesFolder);
// What nobody uses (free_hugepages) or has been promised (resv_hugepages).
Result<uint64_t> GetFreeHugePages(const std::filesystem::path& folder = kHugePagesFolder);
// What is in use or promised, be it surplus or not.
Result<uint64_t> GetUsedHugePages(const std::filesystem::path& folder = kHugePagesFolder);
// The kernel takes any number and gives what it finds memory for; fewer than asked for is an error
// (ENOMEM) that says how many there are now. Pages in use leave a smaller pool when they are given
// back, which nothing announces: this waits for it. (zcrx lets go of an area in a kworker, after
// its ring was closed and its queue was left.)
Status SetHugePages(uint64_t pages, Deadline deadline,
                    const std::filesystem::path& folder = kHugePagesFolder);

}  // namespace zcrx
