// The commands of zcrx_nic. Results go to standard output, errors to standard error.
#pragma once

#include "support/base/result.h"
#include "support/nic_tool/options.h"

namespace zcrx {

// The exit status, part of the program's interface: a scheduler's epilog relies on it.
enum class NicToolStatus : int {
  kAsWanted = 0,
  kNotAsWanted = 1,  // the NIC differs, or could not be read or restored
  kBadUsage = 2,     // arguments, configuration, or a FILE that is not a snapshot of this NIC
};

NicToolStatus RunNicTool(const NicToolOptions& options);

// Prints a sentence with the program's name to standard error and returns `status`. For commands.
NicToolStatus Complain(const Error& error, NicToolStatus status);

}  // namespace zcrx
