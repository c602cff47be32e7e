#include "support/guard/state_folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>

#include "support/base/files.h"

namespace zcrx {
namespace {

constexpr mode_t kOwnerOnly = 0700;
constexpr mode_t kOwnerFile = 0600;
constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;
constexpr size_t kMostBytes = size_t{64} << 20;
constexpr std::string_view kTemporary = ".new";

// Returns an environment variable; "" counts as unset, as the XDG specification demands.
std::string Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<std::string> DefaultPath() {
  if (std::string given = Variable("ZCRX_STATE_DIR"); !given.empty()) return given;
  if (::geteuid() == 0) return "/var/lib/zcrx-hwtest";
  // Relative paths must be ignored.
  if (const std::string state = Variable("XDG_STATE_HOME"); state.starts_with('/')) {
    return state + "/zcrx-hwtest";
  }
  if (const std::string home = Variable("HOME"); home.starts_with('/')) {
    return home + "/.local/state/zcrx-hwtest";
  }
  return Fail("choose a folder for state that outlives the run", 0,
              "HOME is not set; set ZCRX_STATE_DIR");
}

}  // namespace

Result<StateFolder> StateFolder::Open() {
  ZCRX_ASSIGN_OR_RETURN(const std::string path, DefaultPath());
  return Open(path);
}

Result<StateFolder> StateFolder::Open(const std::string& given) {
  // Absolute: the guardian has another working directory.
  std::filesystem::path normal = std::filesystem::absolute(given).lexically_normal();
  if (!normal.has_filename()) normal = normal.parent_path();  // it ended in a slash
  const std::string path = normal;
  const std::string operation = "open the state folder " + path;
  std::error_code error;
  std::filesystem::create_directories(normal.parent_path(), error);
  if (error) return Fail(operation, error.value(), "set ZCRX_STATE_DIR to another folder");
  if (::mkdir(path.c_str(), kOwnerOnly) != 0 && errno != EEXIST) {
    return FailErrno(operation, "set ZCRX_STATE_DIR to another folder");
  }
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.Valid()) return FailErrno(operation, "set ZCRX_STATE_DIR to another folder");
  struct stat info = {};
  if (::fstat(fd.Get(), &info) != 0) return FailErrno(operation);
  if (info.st_uid != ::geteuid()) {
    return Fail(operation, EPERM,
                fmt::format("it belongs to user {}, and this is user {}; name another one in "
                            "ZCRX_STATE_DIR",
                            info.st_uid, ::geteuid()));
  }
  if ((info.st_mode & kWritableByOthers) != 0) {
    return Fail(operation, EPERM,
                fmt::format("others can write to it (mode {:04o}); to fix it: chmod 700 {}",
                            info.st_mode & 07777U, path));
  }
  return StateFolder(path, std::move(fd));
}

Result<std::optional<std::string>> StateFolder::Read(const std::string& name) const {
  const std::string operation = "read " + PathOf(name);
  const UniqueFd file(::openat(fd_.Get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file.Valid() && errno == ENOENT) return std::nullopt;
  if (!file.Valid()) return FailErrno(operation);
  return ReadAll(file.Get(), kMostBytes, operation);
}

Status StateFolder::Write(const std::string& name, std::string_view text) const {
  const std::string operation = "write " + PathOf(name);
  const std::string temporary = name + std::string(kTemporary);
  const UniqueFd file(::openat(fd_.Get(), temporary.c_str(),
                               O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, kOwnerFile));
  if (!file.Valid()) return FailErrno(operation);
  ZCRX_RETURN_IF_ERROR(WriteAll(file.Get(), text, operation));
  if (::fsync(file.Get()) != 0) return FailErrno(operation);
  if (::renameat(fd_.Get(), temporary.c_str(), fd_.Get(), name.c_str()) != 0) {
    return FailErrno(operation);
  }
  return Sync(operation);
}

Status StateFolder::Remove(const std::string& name) const {
  const std::string operation = "remove " + PathOf(name);
  if (::unlinkat(fd_.Get(), name.c_str(), 0) != 0) {
    if (errno == ENOENT) return {};
    return FailErrno(operation);
  }
  return Sync(operation);
}

Result<std::vector<std::string>> StateFolder::NamesEndingIn(std::string_view end) const {
  std::vector<std::string> names;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(path_, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::string name = entry->path().filename();
    if (name.ends_with(end)) names.push_back(std::move(name));
  }
  if (error) return Fail("list " + path_, error.value());
  std::ranges::sort(names);
  return names;
}

Status StateFolder::Sync(const std::string& operation) const {
  if (::fsync(fd_.Get()) != 0) return FailErrno(operation);
  return {};
}

}  // namespace zcrx
