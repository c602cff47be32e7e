#include "support/nic_tool/snapshot_file.h"

#include <sys/stat.h>

#include <cerrno>

#include "support/base/files.h"

namespace zcrx {
namespace {

// Checks that what is at `path` may be replaced by `state`.
Status CheckReplaceable(const std::string& path, const NicState& state) {
  const std::string operation = "write snapshot " + path;
  struct stat info = {};
  if (::lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? Status() : FailErrno(operation);
  }
  const Result<NicState> old = S_ISREG(info.st_mode) ? ReadSnapshot(path) : Fail("not a file");
  if (!old.has_value()) return Fail(operation, EEXIST, "the file exists and is not a snapshot");
  if (old->nic.driver == state.nic.driver && old->nic.bus == state.nic.bus &&
      old->nic.address == state.nic.address) {
    return {};
  }
  return Fail(operation, EEXIST,
              fmt::format("the file exists and is a snapshot of another NIC: {} {}, {}",
                          old->nic.interface, old->nic.driver, old->nic.bus));
}

}  // namespace

Result<NicState> ReadSnapshot(const std::string& path) {
  const std::string operation = "read snapshot " + path;
  const Result<std::string> text = ReadFile(path, kMostStateText);
  if (!text) return Fail(operation, text.error().code, text.error().detail);
  Result<NicState> state = ParseNicState(*text);
  if (!state.has_value()) return Fail(operation, state.error().code, state.error().detail);
  return state;
}

Status WriteSnapshot(const std::string& path, const NicState& state) {
  ZCRX_RETURN_IF_ERROR(CheckReplaceable(path, state));
  constexpr mode_t kOwnerOnly = 0600;
  const Status written = ReplaceFile(path, SerializeNicState(state), kOwnerOnly);
  if (!written) return Fail("write snapshot " + path, written.error().code);
  return {};
}

}  // namespace zcrx
