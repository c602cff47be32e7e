// Settings of the kernel's fault injection, in debugfs: "Configure fault-injection capabilities
// behavior" in Documentation/fault-injection/fault-injection.rst.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/base/result.h"

namespace zcrx {

inline constexpr const char* kDebugfs = "/sys/kernel/debug";

// Puts back what it has set, the last first. After a kill the settings stay: they say how faults
// are injected, and not that they are. They are the machine's, so one run at a time can have them.
class FaultSettings {
 public:
  explicit FaultSettings(std::filesystem::path debugfs) : debugfs_(std::move(debugfs)) {}
  FaultSettings(FaultSettings&&) = default;
  FaultSettings& operator=(FaultSettings&&) = delete;
  ~FaultSettings();

  // Fails with ENOENT if the kernel has no such setting or debugfs is not mounted, or with the
  // errno of missing permission.
  Status Set(const std::string& file, std::string_view value);
  [[nodiscard]] Result<std::string> Get(const std::string& file) const;
  // Writes what is no setting, and is not put back.
  [[nodiscard]] Status Write(const std::string& file, std::string_view value) const;

 private:
  std::filesystem::path debugfs_;
  std::vector<std::pair<std::string, std::string>> found_;
};

}  // namespace zcrx
