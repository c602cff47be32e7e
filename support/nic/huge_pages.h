// The kernel's pool of 2 MiB huge pages (Documentation/admin-guide/mm/hugetlbpage.rst).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <utility>

#include "support/base/deadline.h"
#include "support/base/pages.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

// Tests use another `folder`.
inline constexpr const char* kHugePagesFolder = "/sys/kernel/mm/hugepages/hugepages-2048kB";

struct HugePages {
  // nr_hugepages - surplus_hugepages. Surplus pages are in use although the pool was made smaller;
  // each is gone as soon as it is freed.
  uint64_t set_to = 0;
  // free_hugepages - resv_hugepages: neither used nor reserved, and not surplus.
  uint64_t free = 0;
  uint64_t used = 0;  // including surplus pages
  // Surplus pages that nobody uses. Reservations that end take them along
  // (return_unused_surplus_pages() in mm/hugetlb.c), so they are none to rely on.
  uint64_t stranded = 0;
};

// How long the counts may take to settle. They change while the pages of an area are freed; one
// second was too short in a lab on a loaded machine.
inline constexpr std::chrono::seconds kCountsSettle{10};

// Returns consistent counts: reads them again while they change. Fails with ETIMEDOUT and the last
// counts.
Result<HugePages> GetHugePages(const std::filesystem::path& folder = kHugePagesFolder,
                               Deadline deadline = Deadline::In(kCountsSettle));

// Sets the size of the pool, and leaves no page stranded. The kernel accepts any number and
// allocates as many pages as it has memory for. Fails with ENOMEM, and the current size, if there
// are fewer than requested.
//
// The result is judged by the size the pool is set to, not by the pages in use: pages beyond it
// become surplus at once and are gone when their users free them. Their users are unknown (a
// program, or an area that the kernel has not released yet, which it does in a kworker), so this
// call does not wait for them.
Status SetHugePages(uint64_t pages, const std::filesystem::path& folder = kHugePagesFolder,
                    Deadline deadline = Deadline::In(kCountsSettle));

// How long a run may have changed the pool: a test of it.
inline constexpr std::chrono::seconds kOthersReturnHugePages{120};

// The right to change the pool. It is the machine's, and runs on several NICs each change it for a
// test and put it back: one at a time, or one would take the pages that the other has reserved, and
// put back what the other has set.
//
// It is a flock(2) of vm.nr_hugepages: no file of its own is needed, and the lock goes with its
// last holder. A process that inherits the descriptor is another holder. In sysfs, which each
// network namespace mounts anew, each would have a lock of its own; so has each /proc of its own,
// that is, each container.
class HugePagesLock {
 public:
  // Without such a file there is no pool, and nothing to lock.
  explicit HugePagesLock(const std::filesystem::path& folder = "/proc/sys/vm");
  // Takes over an inherited descriptor.
  explicit HugePagesLock(UniqueFd inherited) : fd_(std::move(inherited)) {}
  // Returns the one of this process, which opens it when it is first asked for.
  static HugePagesLock& OfProcess();

  // -1 if there is no pool.
  [[nodiscard]] int Fd() const { return fd_.Get(); }
  [[nodiscard]] bool IsHeld() const { return held_; }
  // Waits for other processes. Fails with ETIMEDOUT.
  Status Take(Deadline deadline);
  void Release();
  // Calls `look` while no other process changes the pool. Fails with EBUSY if one has the lock.
  Result<HugePages> Look(const std::function<Result<HugePages>()>& look);

 private:
  // Returns false if another process has it. `how` is one of flock(2)'s.
  Result<bool> Try(int how);

  UniqueFd fd_;
  bool held_ = false;
};

}  // namespace zcrx
