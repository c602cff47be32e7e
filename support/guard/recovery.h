// Puts a NIC back as its journal has it. For who holds its NicLock.
#pragma once

#include <string>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/guard/journal.h"

namespace zcrx {

struct Recovery {
  std::vector<std::string> differences;  // found, a sentence each; empty: it was as it should be
  std::vector<Error> errors;             // what kept it from being put back
};

// Waits for memory providers to leave first. Removes the trace of a run that was killed. The
// journal goes once nothing is left to put back.
Recovery PutBack(const Journals& journals, const Journal& journal, Deadline deadline);

// The same for a journal that was left behind by a run and a guardian that are both gone. A line of
// what was done; empty where there was none. An error leaves the journal where it is.
Result<std::string> RecoverLeftover(const Journals& journals, const std::string& interface,
                                    Deadline deadline);

}  // namespace zcrx
