#include "support/nic_tool/snapshot_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "support/base/unique_fd.h"

namespace zcrx {
namespace {

constexpr size_t kBuffer = size_t{64} << 10;

Status WriteAll(int fd, std::string_view text, const std::string& operation) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FailErrno(operation);
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<std::string> ReadText(int fd, const std::string& operation) {
  std::string text;
  std::array<char, kBuffer> buffer;
  while (true) {
    const ssize_t size = ::read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return FailErrno(operation);
    if (size == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(size));
    if (text.size() > kMostStateText) return Fail(operation, EFBIG, "it is no snapshot");
  }
}

// What is at `path` may go for `state`.
Status CheckReplaceable(const std::string& path, const NicState& state) {
  const std::string operation = "write snapshot " + path;
  struct stat info = {};
  if (::lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? Status() : FailErrno(operation);
  }
  const Result<NicState> old = S_ISREG(info.st_mode) ? ReadSnapshot(path) : Fail("not a file");
  if (!old.has_value()) return Fail(operation, EEXIST, "it is there and is no snapshot");
  if (old->nic.driver == state.nic.driver && old->nic.bus == state.nic.bus &&
      old->nic.address == state.nic.address) {
    return {};
  }
  return Fail(operation, EEXIST,
              fmt::format("it is there and another NIC's: {} {}, {}", old->nic.interface,
                          old->nic.driver, old->nic.bus));
}

// A file beside the one to be, removed unless it took its place.
class Draft {
 public:
  explicit Draft(const std::string& path) : path_(path + ".XXXXXX") {
    fd_ = UniqueFd(::mkostemp(path_.data(), O_CLOEXEC));  // with mode 0600
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    if (fd_.Valid()) ::unlink(path_.c_str());
  }

  [[nodiscard]] int Fd() const { return fd_.Get(); }
  Status RenameTo(const std::string& path, const std::string& operation) {
    if (::rename(path_.c_str(), path.c_str()) != 0) return FailErrno(operation);
    fd_.Reset();
    return {};
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace

Result<NicState> ReadSnapshot(const std::string& path) {
  const std::string operation = "read snapshot " + path;
  // Without waiting for the other end of a FIFO.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.Valid()) return FailErrno(operation);
  ZCRX_ASSIGN_OR_RETURN(const std::string text, ReadText(file.Get(), operation));
  Result<NicState> state = ParseNicState(text);
  if (!state.has_value()) return Fail(operation, state.error().code, state.error().detail);
  return state;
}

Status WriteSnapshot(const std::string& path, const NicState& state) {
  ZCRX_RETURN_IF_ERROR(CheckReplaceable(path, state));
  const std::string operation = "write snapshot " + path;
  Draft draft(path);
  if (draft.Fd() < 0) return FailErrno(operation);
  ZCRX_RETURN_IF_ERROR(WriteAll(draft.Fd(), SerializeNicState(state), operation));
  if (::fsync(draft.Fd()) != 0) return FailErrno(operation);
  ZCRX_RETURN_IF_ERROR(draft.RenameTo(path, operation));
  // The name is on the disk once its folder is.
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const UniqueFd parent(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent.Valid() || ::fsync(parent.Get()) != 0) return FailErrno(operation);
  return {};
}

}  // namespace zcrx
