#include "support/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "support/base/unique_fd.h"

namespace zcrx {
namespace {

// Writes, chmods and syncs the temporary file.
Status Fill(int fd, std::string_view text, mode_t mode, const std::string& operation) {
  ZCRX_RETURN_IF_ERROR(WriteAll(fd, text, operation));
  if (::fchmod(fd, mode) != 0 || ::fsync(fd) != 0) return FailErrno(operation);
  return {};
}

Result<std::string> KernelsId(std::string_view name) {
  const std::string file = fmt::format("/proc/sys/kernel/random/{}", name);
  ZCRX_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, 4096));
  const std::string_view line = std::string_view(text).substr(0, text.find('\n'));
  if (line.empty()) return Fail(fmt::format("read {}", file), 0, "it holds no line");
  return std::string(line);
}

}  // namespace

Status WriteAll(int fd, std::string_view text, const std::string& operation) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return FailErrno(operation);
    text.remove_prefix(static_cast<size_t>(put));
  }
  return {};
}

Result<std::string> ReadAll(int fd, size_t most, const std::string& operation) {
  std::string text;
  std::array<char, 65536> part;
  while (true) {
    const ssize_t got = ::read(fd, part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno(operation);
    if (got == 0) return text;
    text.append(part.data(), static_cast<size_t>(got));
    if (text.size() > most) {
      return Fail(operation, EFBIG, fmt::format("longer than {} bytes", most));
    }
  }
}

Result<std::string> ReadFile(const std::string& path, size_t most) {
  const std::string operation = "read " + path;
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.Valid()) return FailErrno(operation);
  return ReadAll(file.Get(), most, operation);
}

Status WriteSetting(const std::string& path, std::string_view value) {
  const std::string operation = fmt::format("write {} to {}", value, path);
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.Valid()) return FailErrno(operation);
  const ssize_t put = ::write(file.Get(), value.data(), value.size());
  if (put < 0) return FailErrno(operation);
  if (static_cast<size_t>(put) != value.size()) return Fail(operation, EIO, "short write");
  return {};
}

Status ReplaceFile(const std::string& path, std::string_view text, mode_t mode) {
  const std::string operation = "write " + path;
  std::string draft = path + ".XXXXXX";  // beside it: rename(2) does not cross file systems
  const UniqueFd file(::mkostemp(draft.data(), O_CLOEXEC));
  if (!file.Valid()) return FailErrno(operation);
  Status done = Fill(file.Get(), text, mode, operation);
  if (done && ::rename(draft.c_str(), path.c_str()) != 0) done = FailErrno(operation);
  if (!done) {
    (void)::unlink(draft.c_str());
    return done;
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const UniqueFd parent(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent.Valid() || ::fsync(parent.Get()) != 0) return FailErrno(operation);
  return {};
}

Result<std::string> BootId() { return KernelsId("boot_id"); }

Result<std::string> RandomId() { return KernelsId("uuid"); }

}  // namespace zcrx
