// What a run found on its NIC, on disk for as long as it may have changed it: who starts next puts
// it back where neither the run nor its guardian could.
//
// A journal is believed whole or not at all. One that was cut, or in which a byte is another, is
// refused by its file's name; nothing of it is obeyed. One of an earlier boot is of a NIC that has
// been set up anew since, and is removed.
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
  uint64_t net_namespace = 0;  // inode of /proc/self/ns/net: names of interfaces are a namespace's
  std::string written = {};    // "2026-11-25T02:10:11Z by process 4711"
  NicState state = {};         // as found, of state.nic.interface

  bool operator==(const Journal&) const = default;
};

// Of this namespace, process and moment.
Result<Journal> MakeJournal(NicState state);

// The file's text: JSON, the state in it, and a checksum of the whole.
std::string SealJournal(const Journal& journal);
// The error's detail says what is wrong with it.
Result<Journal> UnsealJournal(std::string_view text);

// The journals of a folder, one an interface. Whoever uses one holds the interface's NicLock.
class Journals {
 public:
  explicit Journals(StateFolder folder) : folder_(std::move(folder)) {}

  [[nodiscard]] std::string PathOf(const std::string& interface) const;
  [[nodiscard]] const std::string& Folder() const { return folder_.Path(); }
  // On disk when it returns.
  [[nodiscard]] Status Write(const Journal& journal) const;
  [[nodiscard]] Status Remove(const std::string& interface) const;

  struct Leftover {
    std::optional<Journal> journal;  // of this boot
    std::string said;                // of one of an earlier boot: that it was removed
  };
  // What there is of `interface`. A journal that cannot be obeyed is an error that says what would
  // mend it.
  [[nodiscard]] Result<Leftover> Find(const std::string& interface) const;
  // Whose journals there are, sorted.
  [[nodiscard]] Result<std::vector<std::string>> Interfaces() const;

 private:
  StateFolder folder_;
};

}  // namespace zcrx
