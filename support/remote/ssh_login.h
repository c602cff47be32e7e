// Which keys a session offers, and in which order. Inside support/remote only.
#pragma once

#include <string>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/remote/ssh_config.h"
#include "support/remote/ssh_session.h"

namespace zcrx {

// Logs in with `identity` alone or, where that is empty, with the configuration's keys: first those
// that need nobody's help, then the agent's, the configured ones before the others. The peer's
// MaxAuthTries ends it, so what is likely comes first.
Status LogIn(SshSession& session, const SshConfig& config, const std::string& identity,
             Deadline deadline);

}  // namespace zcrx
