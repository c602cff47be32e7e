// Restores what killed runs have left behind, from their journals.
#pragma once

#include <chrono>
#include <string>

#include "support/nic_tool/commands.h"

namespace zcrx {

// Restores the interface from the journal of its last run, if there is one. Waits up to `wait` for
// a run or its guardian, which may be about to do the same.
NicToolStatus RestoreLeftover(const std::string& interface, std::chrono::seconds wait);
// As above, for every interface that has a journal. Returns the worst status.
NicToolStatus RestoreAllLeftovers(std::chrono::seconds wait);

}  // namespace zcrx
