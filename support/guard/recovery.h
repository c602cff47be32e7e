// Restores a NIC from its journal. The caller must hold the NicLock.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/guard/journal.h"
#include "support/nic/nic.h"
#include "support/nic/state.h"

namespace zcrx {

struct Recovery {
  std::vector<std::string> differences;  // found, one sentence each; empty: none
  std::vector<Error> errors;             // why it could not be restored
};

// For PutBack(): memory providers leave within seconds of a killed process; a driver may take
// seconds per setting.
inline constexpr std::chrono::seconds kPutBack{60};

// Restores the NIC, after waiting for memory providers to leave. Removes the trace instances of
// killed runs, and the journal once nothing is left to restore.
Recovery PutBack(const Journals& journals, const Journal& journal, Deadline deadline);

// The part of PutBack() that is about the NIC alone, once it is there. Records what it cannot
// restore in `recovery`, and goes on; fails if the state cannot be read.
Status PutBackSettings(Nic& nic, const NicState& wanted, Recovery& recovery, Deadline deadline);

// As PutBack(), for the journal left by a run and a guardian that are both gone. Returns a line
// about what was done, empty if there was no journal. An error leaves the journal in place.
Result<std::string> RecoverLeftover(const Journals& journals, const std::string& interface,
                                    Deadline deadline);

}  // namespace zcrx
