#include "support/nic/huge_pages.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "support/base/kill_point.h"
#include "support/base/numbers.h"
#include "support/base/unique_fd.h"
#include "support/base/wait.h"

namespace zcrx {
namespace {

std::string CountFile(const std::filesystem::path& folder) {
  return (folder / "nr_hugepages").string();
}

Result<uint64_t> ReadNumber(const std::filesystem::path& path) {
  const std::string operation = "read " + path.string();
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.Valid()) return FailErrno(operation);
  std::array<char, 32> text;
  const ssize_t size = ::read(file.Get(), text.data(), text.size());
  if (size < 0) return FailErrno(operation);
  const std::string_view read(text.data(), static_cast<size_t>(size));
  const auto pages = ParseNumber<uint64_t>(read.substr(0, read.find('\n')));
  if (!pages) return Fail(operation, 0, "the file does not hold a number");
  return *pages;
}

Status WriteCount(uint64_t pages, const std::filesystem::path& folder) {
  const std::string operation = fmt::format("write {} to {}", pages, CountFile(folder));
  const UniqueFd file(::open(CountFile(folder).c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!file.Valid()) return FailErrno(operation);
  const std::string text = std::to_string(pages) + "\n";
  const ssize_t written = ::write(file.Get(), text.data(), text.size());
  if (written < 0) return FailErrno(operation);
  if (static_cast<size_t>(written) != text.size()) return Fail(operation, EIO, "short write");
  return {};
}

struct Counts {
  uint64_t all = 0;  // including surplus pages
  uint64_t free = 0;
  int64_t promised = 0;
  uint64_t surplus = 0;

  bool operator==(const Counts&) const = default;
};

Result<Counts> LookOnce(const std::filesystem::path& folder) {
  Counts counts;
  ZCRX_ASSIGN_OR_RETURN(counts.all, ReadNumber(CountFile(folder)));
  ZCRX_ASSIGN_OR_RETURN(counts.free, ReadNumber(folder / "free_hugepages"));
  ZCRX_ASSIGN_OR_RETURN(const uint64_t promised, ReadNumber(folder / "resv_hugepages"));
  counts.promised = static_cast<int64_t>(promised);
  ZCRX_ASSIGN_OR_RETURN(counts.surplus, ReadNumber(folder / "surplus_hugepages"));
  return counts;
}

}  // namespace

Result<HugePages> GetHugePages(const std::filesystem::path& folder, Deadline deadline) {
  Counts counts;
  Status still = Becomes(
      "the huge page counts in " + folder.string() + " are stable",
      [&]() -> Result<bool> {
        ZCRX_ASSIGN_OR_RETURN(counts, LookOnce(folder));
        ZCRX_ASSIGN_OR_RETURN(const Counts again, LookOnce(folder));
        return counts == again && counts.surplus <= counts.all && counts.free <= counts.all;
      },
      deadline);
  if (!still && still.error().code == ETIMEDOUT) {
    still.error().detail += fmt::format("last: {} pages, {} free, {} reserved, {} surplus",
                                        counts.all, counts.free, counts.promised, counts.surplus);
  }
  ZCRX_RETURN_IF_ERROR(still);
  // resv_hugepages is negative between the end of an area's mapping and that of its pins. In 7.3
  // this was seen for a second, because the page pool that holds the last buffers checks only once
  // a second.
  const auto promised = static_cast<uint64_t>(std::max<int64_t>(counts.promised, 0));
  const uint64_t unused = counts.free - std::min(promised, counts.free);
  const uint64_t stranded = std::min(unused, counts.surplus);
  return HugePages{.set_to = counts.all - counts.surplus,
                   .free = unused - stranded,
                   .used = counts.all - unused,
                   .stranded = stranded};
}

// set_max_huge_pages() in mm/hugetlb.c needs more than one write for two things:
// - Pages that are freed while the pool shrinks may be stranded: it drops its lock before it counts
//   as surplus what is in use. They are freed if the pool grows to hold them and shrinks again.
// - It ends early, without an error, after the first page that it allocates while signal_pending().
//   That is so for a moment in a thread whose ring was just closed (io_ring_exit_work()). Memory is
//   lacking only if a write adds no page.
Status SetHugePages(uint64_t pages, const std::filesystem::path& folder, Deadline deadline) {
  const KillPoints points("set_huge_pages");
  HugePages now;
  const auto set = [&]() -> Result<bool> {
    const uint64_t before = now.set_to;
    if (now.stranded != 0) ZCRX_RETURN_IF_ERROR(WriteCount(pages + now.stranded, folder));
    ZCRX_RETURN_IF_ERROR(WriteCount(pages, folder));
    ZCRX_ASSIGN_OR_RETURN(now, GetHugePages(folder));
    return now.stranded == 0 && (now.set_to >= pages || now.set_to == before);
  };
  ZCRX_RETURN_IF_ERROR(Becomes("the pool of huge pages stays as it was set", set, deadline));
  if (now.set_to == pages) return {};
  return Fail(fmt::format("write {} to {}", pages, CountFile(folder)),
              now.set_to < pages ? ENOMEM : EBUSY,
              fmt::format("the pool has {} huge pages now", now.set_to));
}

HugePagesLock::HugePagesLock(const std::filesystem::path& folder)
    : fd_(::open(CountFile(folder).c_str(), O_RDONLY | O_CLOEXEC)) {}

HugePagesLock& HugePagesLock::OfProcess() {
  static HugePagesLock lock;
  return lock;
}

Result<bool> HugePagesLock::Try(int how) {
  if (!fd_.Valid()) return true;
  while (::flock(fd_.Get(), how | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) return FailErrno("lock the pool of huge pages");
  }
  return true;
}

Status HugePagesLock::Take(Deadline deadline) {
  if (held_) return {};
  ZCRX_RETURN_IF_ERROR(Becomes(
      "no other run has changed the pool of huge pages", [this] { return Try(LOCK_EX); },
      deadline));
  held_ = true;
  return {};
}

void HugePagesLock::Release() {
  held_ = false;
  if (fd_.Valid()) ::flock(fd_.Get(), LOCK_UN);
}

Result<HugePages> HugePagesLock::Look(const std::function<Result<HugePages>()>& look) {
  if (held_) return look();
  ZCRX_ASSIGN_OR_RETURN(const bool alone, Try(LOCK_SH));
  if (!alone) return Fail("read the pool of huge pages", EBUSY, "another run has changed it");
  Result<HugePages> pages = look();
  Release();
  return pages;
}

}  // namespace zcrx
