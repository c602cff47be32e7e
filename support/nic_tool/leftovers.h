// What runs that were killed have left behind: their journals.
#pragma once

#include <chrono>
#include <string>

#include "support/nic_tool/commands.h"

namespace zcrx {

// Puts the interface back as the journal of the last run on it has it, where there is one. Waits so
// long for a run or its guardian, which may be about to do the same.
NicToolStatus RestoreLeftover(const std::string& interface, std::chrono::seconds wait);
// The same for every interface that has one; the worst status of all.
NicToolStatus RestoreAllLeftovers(std::chrono::seconds wait);

}  // namespace zcrx
