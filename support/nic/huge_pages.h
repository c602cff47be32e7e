// The kernel's pool of 2 MiB huge pages (Documentation/admin-guide/mm/hugetlbpage.rst).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>

#include "support/base/deadline.h"
#include "support/base/pages.h"
#include "support/base/result.h"

namespace zcrx {

// `folder` is for tests.
inline constexpr const char* kHugePagesFolder = "/sys/kernel/mm/hugepages/hugepages-2048kB";

struct HugePages {
  // nr_hugepages less surplus_hugepages. Surplus are pages in use that the pool was set too small
  // for; each is gone as soon as it is given back.
  uint64_t set_to = 0;
  // free_hugepages less resv_hugepages: nobody uses them or has been promised them.
  uint64_t free = 0;
  uint64_t used = 0;  // all others, surplus ones too
};

// For the counts to stand still. They change while the pages of an area are given back; a second
// was too short for that in a lab on a loaded machine.
inline constexpr std::chrono::seconds kCountsSettle{10};

// At one moment: it looks again while the counts change. ETIMEDOUT tells them.
Result<HugePages> GetHugePages(const std::filesystem::path& folder = kHugePagesFolder,
                               Deadline deadline = Deadline::In(kCountsSettle));

// The kernel takes any number and gives what it finds memory for; fewer than asked for is an error
// (ENOMEM) that says how many there are now. What the pool is set to is what counts: pages in use
// beyond it are surplus at once, and go whenever their users give them back. Whose they are cannot
// be seen (a program's, or an area's that the kernel has not let go of yet, which it does in a
// kworker), so nobody waits for them.
Status SetHugePages(uint64_t pages, const std::filesystem::path& folder = kHugePagesFolder);

}  // namespace zcrx
