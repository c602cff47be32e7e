// Removes what was put on the peer, when whoever put it there no longer can.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>

#include "support/base/result.h"

namespace zcrx {

// Holds the folder that `file` is in until the caller has gone (lease.h), then removes both. Before
// that, it removes the folders beside it that a caretaker left behind which was killed itself: this
// user's, old, and held by nobody. (flock(2): the kernel lets go when the holder dies.)
//
// EINVAL: the folder has no name that PeerFile's folders have (zcrx- and 32 hexadecimal digits):
// nothing else is ever removed. `on_ready` is called once, when the folder is held.
Status TakeCare(const std::filesystem::path& file, int control_fd, std::chrono::milliseconds lease,
                const std::function<Status()>& on_ready);

// Younger ones may belong to a run whose caretaker has not begun yet.
inline constexpr std::chrono::minutes kLeftBehind{10};

}  // namespace zcrx
