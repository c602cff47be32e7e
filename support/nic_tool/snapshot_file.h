// A NIC's state in a file.
#pragma once

#include <string>

#include "support/base/result.h"
#include "support/nic/state.h"

namespace zcrx {

Result<NicState> ReadSnapshot(const std::string& path);

// Whole or not at all, and on the disk when it returns; for its owner only. Replaces a snapshot of
// the same NIC, and nothing else (EEXIST).
Status WriteSnapshot(const std::string& path, const NicState& state);

}  // namespace zcrx
