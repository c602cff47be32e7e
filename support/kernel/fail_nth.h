// Fails one of the kernel's allocations (CONFIG_FAULT_INJECTION, CONFIG_FAILSLAB and
// CONFIG_FAIL_PAGE_ALLOC): "Systematic faults using fail-nth" in
// Documentation/fault-injection/fault-injection.rst.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

class FailNth {
 public:
  struct Files {
    std::filesystem::path fail_nth = "/proc/thread-self/fail-nth";
    std::filesystem::path debugfs = "/sys/kernel/debug";
  };
  // Prepares for faults in this thread: has the kernel fail allocations of any kind, without a line
  // in its log for each, which would push reports out of it. Fails with ENOENT if the kernel cannot
  // fail allocations or debugfs is not mounted, or with the errno of missing permission.
  static Result<FailNth> Open(const Files& files);
  static Result<FailNth> Open() { return Open(Files()); }
  FailNth(FailNth&&) = default;
  FailNth& operator=(FailNth&&) = delete;
  // Puts the kernel's settings back. After a kill they stay, and matter to nobody who injects no
  // faults.
  ~FailNth();

  // Calls `call`, of whose allocations in the kernel, by this thread, the nth fails (from 1 on).
  // Returns whether there were that many.
  Result<bool> During(unsigned nth, const std::function<void()>& call) const;

 private:
  explicit FailNth(UniqueFd fd) : fd_(std::move(fd)) {}
  Status Set(const std::filesystem::path& path, std::string_view value);

  UniqueFd fd_;
  std::vector<std::pair<std::filesystem::path, std::string>> found_;  // to be put back
};

}  // namespace zcrx
