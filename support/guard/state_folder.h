// The folder on disk for what must outlive a run: the states that runs have found.
//
// The folder is ZCRX_STATE_DIR, else /var/lib/zcrx-hwtest for root, else
// $XDG_STATE_HOME/zcrx-hwtest or ~/.local/state/zcrx-hwtest (XDG Base Directory Specification).
// Privileged programs act on its content, so it must be private: it is created with mode 0700, and
// refused if it belongs to another user or is writable by others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

class StateFolder {
 public:
  // Opens the folder; creates it if it is missing.
  static Result<StateFolder> Open();
  static Result<StateFolder> Open(const std::string& path);

  [[nodiscard]] const std::string& Path() const { return path_; }
  [[nodiscard]] std::string PathOf(const std::string& name) const { return path_ + '/' + name; }

  // Returns the content of a file, nullopt if there is none.
  [[nodiscard]] Result<std::optional<std::string>> Read(const std::string& name) const;
  // Writes a file atomically (temporary file, fsync, rename) and syncs it to disk.
  [[nodiscard]] Status Write(const std::string& name, std::string_view text) const;
  // Removes a file and syncs that to disk. A missing file is not an error.
  [[nodiscard]] Status Remove(const std::string& name) const;
  // Returns the names that end in `end`, sorted.
  [[nodiscard]] Result<std::vector<std::string>> NamesEndingIn(std::string_view end) const;

 private:
  StateFolder(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  [[nodiscard]] Status Sync(const std::string& operation) const;

  std::string path_;
  UniqueFd fd_;
};

}  // namespace zcrx
