// The caretaker on the peer: removes the sender's folder when the program that put it there no
// longer can.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>

#include "support/base/result.h"

namespace zcrx {

// Holds (flock(2)) the folder of `file` until the caller is gone (lease.h), then removes file and
// folder. Before that, removes folders that killed caretakers have left beside it: those of this
// user that are older than kLeftBehind and held by no process. The kernel releases a flock when its
// holder dies.
//
// Calls `on_ready` once, when the folder is held. Fails with EINVAL unless the folder is named as
// PeerFile's folders are (zcrx- and 32 hexadecimal digits); nothing else is ever removed.
Status TakeCare(const std::filesystem::path& file, int control_fd, std::chrono::milliseconds lease,
                const std::function<Status()>& on_ready);

// Younger folders may belong to a run whose caretaker has not started yet.
inline constexpr std::chrono::minutes kLeftBehind{10};

}  // namespace zcrx
