#include "support/kernel/fail_nth.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "support/base/numbers.h"

namespace zcrx {
namespace {

constexpr size_t kLongestValue = 64;

struct Setting {
  const char* file;
  std::string_view value;
};
// Without these, only what may not wait and has more than a page can fail (mm/failslab.c,
// mm/fail_page_alloc.c).
constexpr std::array kSettings = {
    Setting{"failslab/ignore-gfp-wait", "N"},
    Setting{"failslab/verbose", "0"},
    Setting{"fail_page_alloc/ignore-gfp-wait", "N"},
    Setting{"fail_page_alloc/ignore-gfp-highmem", "N"},
    Setting{"fail_page_alloc/min-order", "0"},
    Setting{"fail_page_alloc/verbose", "0"},
};

bool Arm(int fd, unsigned nth) {
  const std::string number = fmt::format("{}\n", nth);
  return ::pwrite(fd, number.data(), number.size(), 0) == static_cast<ssize_t>(number.size());
}

}  // namespace

Result<FailNth> FailNth::Open(const Files& files) {
  UniqueFd fd(::open(files.fail_nth.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.Valid()) return FailErrno("open " + files.fail_nth.string());
  FaultSettings settings(files.debugfs);
  for (const auto& [file, value] : kSettings) ZCRX_RETURN_IF_ERROR(settings.Set(file, value));
  return FailNth(std::move(fd), std::move(settings));
}

Result<bool> FailNth::During(unsigned nth, const std::function<void()>& call) const {
  const std::string operation = fmt::format("have allocation {} fail", nth);
  struct Disarmed {
    int fd;
    ~Disarmed() { Arm(fd, 0); }
  };
  const Disarmed afterwards(fd_.Get());
  // From here on every allocation counts, also those of other calls.
  if (!Arm(fd_.Get(), nth)) return FailErrno(operation);
  call();
  std::array<char, kLongestValue> left = {};
  const ssize_t length = ::pread(fd_.Get(), left.data(), left.size(), 0);
  if (length <= 0) return FailErrno(operation, "read how many are still to come");
  const std::string_view text(left.data(), static_cast<size_t>(length));
  const auto count = ParseNumber<unsigned>(text.substr(0, text.find('\n')));
  if (!count) return Fail(operation, EINVAL, fmt::format("the kernel answers \"{}\"", text));
  return *count == 0;
}

}  // namespace zcrx
