// A run's hold on its NIC, from before its first change to after its last: the lock, the journal
// and the guardian, in the order in which each covers for the other's end.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "support/base/result.h"
#include "support/guard/guardian.h"
#include "support/guard/journal.h"
#include "support/guard/nic_lock.h"
#include "support/nic/state.h"

namespace zcrx {

class Custody {
 public:
  // Has the lock, and the NIC (`interface`: Nic::Name()) as the run before it found it. `said` gets
  // a line where an earlier run had left something; nothing else is changed. `guardian_program`:
  // zcrx_nic.
  static Result<Custody> Take(const std::string& interface, std::chrono::seconds wait,
                              const std::string& guardian_program, std::string& said);

  // Before the first change. `found` is how the NIC has to be afterwards; it gets what only a
  // change can tell, and the guardian has learned: split_automatic.
  Status Begin(NicState& found);
  // An error where the NIC may not be changed (any more).
  Status Holds();
  // After the NIC was put back. What still differs is put back, and an error each, as is what
  // cannot be. Where the guardian has gone this does what it would have done.
  std::vector<Error> End();

 private:
  [[nodiscard]] Status WriteJournal() const;

  Custody(std::string interface, std::string program, NicLock lock, Journals journals)
      : interface_(std::move(interface)),
        program_(std::move(program)),
        lock_(std::move(lock)),
        journals_(std::move(journals)) {}

  std::string interface_;
  std::string program_;
  NicLock lock_;
  Journals journals_;
  std::optional<Journal> journal_;
  std::optional<Guardian> guardian_;
};

}  // namespace zcrx
