// Journals: the state in which a run found its NIC, kept on disk while it may have changed it. If
// neither the run nor its guardian could restore the NIC, the next run does.
//
// A journal is accepted whole or not at all. If it is truncated, or a byte has changed, it is
// refused with its file name and nothing in it is used. A journal of an earlier boot is removed,
// because the NIC has been configured anew since.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/base/result.h"
#include "support/guard/state_folder.h"
#include "support/nic/state.h"

namespace zcrx {

struct Journal {
  uint64_t net_namespace = 0;  // inode of /proc/self/ns/net: interface names are per namespace
  std::string written = {};    // "2026-11-25T02:10:11Z by process 4711"
  NicState state = {};         // as found, for state.nic.interface

  bool operator==(const Journal&) const = default;
};

// Returns a journal with this network namespace, process and time.
Result<Journal> MakeJournal(NicState state);

// Returns the text of the file: JSON with the state and a checksum of the whole.
std::string SealJournal(const Journal& journal);
// Parses SealJournal()'s text. The error's detail says what is wrong with it.
Result<Journal> UnsealJournal(std::string_view text);

// The journals in a folder, one per interface. Users of a journal must hold the interface's
// NicLock.
class Journals {
 public:
  explicit Journals(StateFolder folder) : folder_(std::move(folder)) {}

  [[nodiscard]] std::string PathOf(const std::string& interface) const;
  [[nodiscard]] const std::string& Folder() const { return folder_.Path(); }
  // Writes a journal and syncs it to disk.
  [[nodiscard]] Status Write(const Journal& journal) const;
  [[nodiscard]] Status Remove(const std::string& interface) const;

  struct Leftover {
    std::optional<Journal> journal;  // from this boot
    std::string said;                // message that a journal of an earlier boot was removed
  };
  // Returns the journal of `interface`, if there is one. Fails if it cannot be used; the error says
  // how to fix it.
  [[nodiscard]] Result<Leftover> Find(const std::string& interface) const;
  // Returns the interfaces that have journals, sorted.
  [[nodiscard]] Result<std::vector<std::string>> Interfaces() const;

 private:
  StateFolder folder_;
};

}  // namespace zcrx
