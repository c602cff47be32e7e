// The folder on disk where runs keep what they found, so that it outlives them.
//
// ZCRX_STATE_DIR, else /var/lib/zcrx-hwtest for root, else $XDG_STATE_HOME/zcrx-hwtest or
// ~/.local/state/zcrx-hwtest (XDG Base Directory Specification). What it holds is obeyed by
// privileged programs, so it has to be ours alone: made with 0700, and refused where it belongs to
// somebody else or others can write to it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

class StateFolder {
 public:
  // Makes it where it is missing.
  static Result<StateFolder> Open();
  static Result<StateFolder> Open(const std::string& path);

  [[nodiscard]] const std::string& Path() const { return path_; }
  [[nodiscard]] std::string PathOf(const std::string& name) const { return path_ + '/' + name; }

  // The whole file; nullopt where there is none.
  [[nodiscard]] Result<std::optional<std::string>> Read(const std::string& name) const;
  // Whole or not at all, and on the disk when it returns: written beside it, synced, renamed.
  [[nodiscard]] Status Write(const std::string& name, std::string_view text) const;
  // On the disk when it returns. A file that is not there is as good as removed.
  [[nodiscard]] Status Remove(const std::string& name) const;
  // Those that end so, sorted.
  [[nodiscard]] Result<std::vector<std::string>> NamesEndingIn(std::string_view end) const;

 private:
  StateFolder(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  [[nodiscard]] Status Sync(const std::string& operation) const;

  std::string path_;
  UniqueFd fd_;
};

}  // namespace zcrx
