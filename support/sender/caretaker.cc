#include "support/sender/caretaker.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/base/unique_fd.h"
#include "support/sender/lease.h"

namespace zcrx {
namespace {

// Returns whether the name is one that support/remote/ssh_file.cc creates.
bool IsOurName(std::string_view name) {
  constexpr std::string_view kPrefix = "zcrx-";
  constexpr size_t kDigits = 32;
  if (!name.starts_with(kPrefix) || name.size() != kPrefix.size() + kDigits) return false;
  return std::ranges::all_of(name.substr(kPrefix.size()), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

// Does not follow links.
UniqueFd OpenFolder(int parent, const char* name) {
  return UniqueFd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

std::vector<std::string> NamesIn(int folder) {
  struct Close {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  std::vector<std::string> names;
  const int again = ::openat(folder, ".", O_RDONLY | O_CLOEXEC);  // the stream closes it
  const std::unique_ptr<DIR, Close> stream(again < 0 ? nullptr : ::fdopendir(again));
  while (const dirent* entry = stream ? ::readdir(stream.get()) : nullptr) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  return names;
}

bool Old(const struct stat& info) {
  const auto changed = std::chrono::system_clock::from_time_t(info.st_mtime);
  return std::chrono::system_clock::now() - changed > kLeftBehind;
}

// Leaves what cannot be removed: it may be something else than it seems.
void RemoveLeftBehind(int parent) {
  for (const std::string& name : NamesIn(parent)) {
    if (!IsOurName(name)) continue;
    const UniqueFd folder = OpenFolder(parent, name.c_str());
    struct stat info{};
    if (!folder.Valid() || ::fstat(folder.Get(), &info) != 0) continue;
    if (info.st_uid != ::geteuid() || !Old(info)) continue;
    if (::flock(folder.Get(), LOCK_EX | LOCK_NB) != 0) continue;  // held by another process
    for (const std::string& file : NamesIn(folder.Get())) {
      (void)::unlinkat(folder.Get(), file.c_str(), 0);
    }
    (void)::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
  }
}

// Waits until the caller is gone, which is not an error: the caretaker exists for that.
Status WaitForTheEnd(Lease lease) {
  const std::string operation = "wait for the caller to exit";
  while (true) {
    pollfd wait{.fd = lease.Fd(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wait, 1, lease.End().RemainingMs());
    if (ready < 0 && errno != EINTR) return FailErrno(operation);
    Status there = ready > 0 ? lease.Read(operation) : Status{};
    if (there.has_value()) there = lease.Holds(operation);
    if (there.has_value()) continue;
    if (there.error().code == ECANCELED) return {};
    return there;
  }
}

}  // namespace

Status TakeCare(const std::filesystem::path& file, int control_fd, std::chrono::milliseconds lease,
                const std::function<Status()>& on_ready) {
  const std::filesystem::path path = file.parent_path();
  const std::string operation = "take care of " + path.string();
  if (!path.is_absolute() || !IsOurName(path.filename().string())) {
    return Fail(operation, EINVAL, "it is not a folder that the suite has made");
  }
  const UniqueFd parent(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent.Valid()) return FailErrno(operation);
  const UniqueFd folder = OpenFolder(parent.Get(), path.filename().c_str());
  if (!folder.Valid()) return FailErrno(operation);
  if (::flock(folder.Get(), LOCK_SH | LOCK_NB) != 0) return FailErrno(operation);
  RemoveLeftBehind(parent.Get());

  ZCRX_RETURN_IF_ERROR(on_ready());
  ZCRX_RETURN_IF_ERROR(WaitForTheEnd(Lease(control_fd, lease)));

  // Already gone if the caller was able to remove them.
  if (::unlinkat(folder.Get(), file.filename().c_str(), 0) != 0 && errno != ENOENT) {
    return FailErrno("remove " + file.string());
  }
  if (::unlinkat(parent.Get(), path.filename().c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return FailErrno("remove " + path.string());
  }
  return {};
}

}  // namespace zcrx
