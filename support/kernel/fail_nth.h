// Fails one of the kernel's allocations (CONFIG_FAULT_INJECTION, CONFIG_FAILSLAB and
// CONFIG_FAIL_PAGE_ALLOC): "Systematic faults using fail-nth" in
// Documentation/fault-injection/fault-injection.rst.
#pragma once

#include <filesystem>
#include <functional>
#include <utility>

#include "support/base/result.h"
#include "support/base/unique_fd.h"
#include "support/kernel/fault_settings.h"

namespace zcrx {

class FailNth {
 public:
  struct Files {
    std::filesystem::path fail_nth = "/proc/thread-self/fail-nth";
    std::filesystem::path debugfs = kDebugfs;
  };
  // Prepares for faults in this thread: has the kernel fail allocations of any kind, without a line
  // in its log for each, which would push reports out of it. Fails with ENOENT if the kernel cannot
  // fail allocations or debugfs is not mounted, or with the errno of missing permission.
  static Result<FailNth> Open(const Files& files);
  static Result<FailNth> Open() { return Open(Files()); }
  // Calls `call`, of whose allocations in the kernel, by this thread, the nth fails (from 1 on).
  // Returns whether there were that many.
  Result<bool> During(unsigned nth, const std::function<void()>& call) const;

 private:
  FailNth(UniqueFd fd, FaultSettings settings)
      : fd_(std::move(fd)), settings_(std::move(settings)) {}

  UniqueFd fd_;
  FaultSettings settings_;
};

}  // namespace zcrx
