#include "support/kernel/fail_function.h"

#include <string_view>
#include <tuple>
#include <utility>

#include "support/base/files.h"
#include "support/base/numbers.h"

namespace zcrx {
namespace {

constexpr size_t kLongestList = 1 << 20;
// So that a run that is killed does not have it fail for ever.
constexpr uint64_t kMost = 1000;
constexpr const char* kInject = "fail_function/inject";
constexpr const char* kTimes = "fail_function/times";

}  // namespace

Result<bool> FailFunction::Can(const std::string& function, const std::filesystem::path& debugfs) {
  ZCRX_RETURN_IF_ERROR(FaultSettings(debugfs).Get(kTimes));
  // Lines of a name, a tab and what it may return (lib/error-inject.c).
  ZCRX_ASSIGN_OR_RETURN(const std::string list,
                        ReadFile(debugfs / "error_injection/list", kLongestList));
  return ("\n" + list).contains("\n" + function + "\t");
}

Result<FailFunction> FailFunction::Open(const std::string& function, unsigned interval,
                                        const std::filesystem::path& debugfs) {
  FaultSettings settings(debugfs);
  ZCRX_RETURN_IF_ERROR(settings.Set("fail_function/verbose", "0"));
  ZCRX_RETURN_IF_ERROR(settings.Set("fail_function/space", "0"));
  ZCRX_RETURN_IF_ERROR(settings.Set("fail_function/task-filter", "N"));
  ZCRX_RETURN_IF_ERROR(settings.Set("fail_function/interval", std::to_string(interval)));
  ZCRX_RETURN_IF_ERROR(settings.Set("fail_function/probability", "100"));
  ZCRX_RETURN_IF_ERROR(settings.Set(kTimes, std::to_string(kMost)));
  ZCRX_RETURN_IF_ERROR(settings.Write(kInject, function));
  return FailFunction(function, std::move(settings));
}

FailFunction::~FailFunction() {
  if (!function_.empty()) std::ignore = settings_.Write(kInject, "!" + function_);
}

Result<uint64_t> FailFunction::Failures() const {
  ZCRX_ASSIGN_OR_RETURN(const std::string text, settings_.Get(kTimes));
  const std::string_view line = text;
  const auto left = ParseNumber<uint64_t>(line.substr(0, line.find('\n')));
  if (!left || *left > kMost) {
    return Fail(fmt::format("count failures of {}", function_), EINVAL,
                fmt::format("{} holds \"{}\"", kTimes, text));
  }
  return kMost - *left;
}

void EndLeftoverPoolFailures() {
  std::ignore = FaultSettings(kDebugfs).Write(kInject, std::string("!") + kPoolAllocates);
}

}  // namespace zcrx
