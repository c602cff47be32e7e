#include "support/kernel/fault_settings.h"

#include <fcntl.h>
#include <unistd.h>

#include <ranges>
#include <tuple>

#include "support/base/files.h"
#include "support/base/unique_fd.h"

namespace zcrx {
namespace {

constexpr size_t kLongestValue = 64;

}  // namespace

FaultSettings::~FaultSettings() {
  for (const auto& [file, value] : found_ | std::views::reverse) std::ignore = Write(file, value);
}

Status FaultSettings::Set(const std::string& file, std::string_view value) {
  ZCRX_ASSIGN_OR_RETURN(std::string found, Get(file));
  ZCRX_RETURN_IF_ERROR(Write(file, value));
  found_.emplace_back(file, std::move(found));
  return {};
}

Result<std::string> FaultSettings::Get(const std::string& file) const {
  return ReadFile(debugfs_ / file, kLongestValue);
}

// In one call, as the kernel parses each by itself. debugfs has no pwrite(2).
Status FaultSettings::Write(const std::string& file, std::string_view value) const {
  const std::filesystem::path path = debugfs_ / file;
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.Valid()) return FailErrno("open " + path.string());
  if (::write(fd.Get(), value.data(), value.size()) == static_cast<ssize_t>(value.size()))
    return {};
  return FailErrno(fmt::format("write {} to {}", value, path.string()));
}

}  // namespace zcrx
