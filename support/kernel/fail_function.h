// Has a function of the kernel fail now and then (CONFIG_FAIL_FUNCTION): "fail_function" in
// Documentation/fault-injection/fault-injection.rst.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "support/base/result.h"
#include "support/kernel/fault_settings.h"

namespace zcrx {

// Page pools give a buffer (net/core/page_pool.c, from 6.12 on).
inline constexpr const char* kPoolAllocates = "page_pool_alloc_netmems";

class FailFunction {
 public:
  // Returns whether the kernel can have `function` fail. Fails with ENOENT if it can have none fail
  // or debugfs is not mounted, or with the errno of missing permission.
  static Result<bool> Can(const std::string& function,
                          const std::filesystem::path& debugfs = kDebugfs);
  // Has each `interval`th call of `function` fail, on all CPUs and for all devices, as long as this
  // lives: returning 0 or NULL, where its declaration says no other errno
  // (ALLOW_ERROR_INJECTION()). Fails with EBUSY if somebody else has it fail.
  static Result<FailFunction> Open(const std::string& function, unsigned interval,
                                   const std::filesystem::path& debugfs = kDebugfs);
  FailFunction(FailFunction&& other) noexcept
      : function_(std::exchange(other.function_, {})), settings_(std::move(other.settings_)) {}
  FailFunction& operator=(FailFunction&&) = delete;
  ~FailFunction();

  // Returns how many calls have failed.
  [[nodiscard]] Result<uint64_t> Failures() const;

 private:
  FailFunction(std::string function, FaultSettings settings)
      : function_(std::move(function)), settings_(std::move(settings)) {}

  std::string function_;  // empty: moved from
  FaultSettings settings_;
};

// Ends what a killed run has left of it. Does nothing where nothing is.
void EndLeftoverPoolFailures();

}  // namespace zcrx
