// Files with the state of a NIC.
#pragma once

#include <string>

#include "support/base/result.h"
#include "support/nic/state.h"

namespace zcrx {

Result<NicState> ReadSnapshot(const std::string& path);

// Writes the state to `path`, atomically and synced to disk, with access for the owner only.
// Replaces nothing but a snapshot of the same NIC (EEXIST).
Status WriteSnapshot(const std::string& path, const NicState& state);

}  // namespace zcrx
