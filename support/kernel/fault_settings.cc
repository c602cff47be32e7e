#include "support/kernel/fault_settings.h"

#include <ranges>
#include <tuple>

#include "support/base/files.h"

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

Status FaultSettings::Write(const std::string& file, std::string_view value) const {
  return WriteSetting(debugfs_ / file, value);
}

}  // namespace zcrx
