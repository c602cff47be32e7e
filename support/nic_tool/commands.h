// What zcrx_nic does. Results go to standard output, what is wrong to standard error.
#pragma once

#include "support/base/result.h"
#include "support/nic_tool/options.h"

namespace zcrx {

// Part of the program's interface: a scheduler's epilog goes by it.
enum class NicToolStatus : int {
  kAsWanted = 0,
  kNotAsWanted = 1,  // it differs, or could not be read or put back
  kBadUsage = 2,     // arguments, configuration, a FILE that is not a snapshot of this NIC
};

NicToolStatus RunNicTool(const NicToolOptions& options);

// For who adds a command: a sentence to standard error, with the program's name.
NicToolStatus Complain(const Error& error, NicToolStatus status);

}  // namespace zcrx
