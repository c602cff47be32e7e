// The sender's work: connect, send the payload, close the connection, as often as the plan says.
#pragma once

#include <functional>

#include "support/base/result.h"
#include "support/sender/plan.h"

namespace zcrx {

// Sends as `plan` says. Calls `on_connected` once, before the first byte. Ends early at the end of
// file on `control_fd` (the other end of the SSH channel is gone), at the deadline, and when the
// lease runs out: each byte on `control_fd` renews it, and a broken connection to the caller brings
// none. Errors say how many bytes had been handed to the kernel.
Status Send(const SendPlan& plan, int control_fd, const std::function<Status()>& on_connected);

}  // namespace zcrx
