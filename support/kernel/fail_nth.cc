#include "support/kernel/fail_nth.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <tuple>
#include <utility>

#include "support/base/files.h"
#include "support/base/numbers.h"

namespace zcrx {
namespace {

constexpr size_t kLongestValue = 64;

struct Setting {
  std::string_view file;
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

// Writes a whole value in one call, as the kernel parses each by itself. debugfs has no pwrite(2).
Status Write(const std::filesystem::path& path, std::string_view value) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.Valid()) return FailErrno("open " + path.string());
  if (::write(fd.Get(), value.data(), value.size()) == static_cast<ssize_t>(value.size()))
    return {};
  return FailErrno(fmt::format("write {} to {}", value, path.string()));
}

bool Arm(int fd, unsigned nth) {
  const std::string number = fmt::format("{}\n", nth);
  return ::pwrite(fd, number.data(), number.size(), 0) == static_cast<ssize_t>(number.size());
}

}  // namespace

Result<FailNth> FailNth::Open(const Files& files) {
  UniqueFd fd(::open(files.fail_nth.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.Valid()) return FailErrno("open " + files.fail_nth.string());
  FailNth fault(std::move(fd));
  for (const auto& [file, value] : kSettings) {
    ZCRX_RETURN_IF_ERROR(fault.Set(files.debugfs / file, value));
  }
  return fault;
}

FailNth::~FailNth() {
  for (const auto& [path, value] : std::exchange(found_, {})) std::ignore = Write(path, value);
}

Status FailNth::Set(const std::filesystem::path& path, std::string_view value) {
  ZCRX_ASSIGN_OR_RETURN(std::string found, ReadFile(path, kLongestValue));
  ZCRX_RETURN_IF_ERROR(Write(path, value));
  found_.emplace_back(path, std::move(found));
  return {};
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
