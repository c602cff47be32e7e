// The sender's work: connect, send the payload, end the connection; as often as asked for.
#pragma once

#include <functional>

#include "support/base/result.h"
#include "support/sender/plan.h"

namespace zcrx {

// `on_connected` is called once, before the first byte. The end of file on `control_fd` (the SSH
// channel's other side has gone) ends the work at once, and so does the deadline, and the end of
// the lease: each byte on `control_fd` renews it, and a way back that is cut brings none. Errors
// say how many bytes had been handed to the kernel.
Status Send(const SendPlan& plan, int control_fd, const std::function<Status()>& on_connected);

}  // namespace zcrx
