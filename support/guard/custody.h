// A run's custody of its NIC, from before the first change to after the last: the lock, the journal
// and the guardian, acquired in the order in which each covers for the failure of the others.
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
  // Takes the lock and restores what an earlier run of `interface` (Nic::Name()) has left, if
  // anything; `said` gets a line about that. Changes nothing else. `guardian_program` is zcrx_nic.
  static Result<Custody> Take(const std::string& interface, std::chrono::seconds wait,
                              const std::string& guardian_program, std::string& said);

  // Writes the journal and starts the guardian. Call before the first change. `found` is the state
  // to restore; sets its split_automatic, which only a change can determine and which the guardian
  // reports. Ends custody itself if it fails.
  Status Begin(NicState& found);
  // Fails if the NIC may not be changed (any more).
  Status Holds();
  // Ends custody; call after restoring the NIC. Restores remaining differences and returns an error
  // for each, and for each that cannot be restored. If the guardian is gone, does its work.
  std::vector<Error> End();

 private:
  Status StartGuarding(NicState& found);
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
