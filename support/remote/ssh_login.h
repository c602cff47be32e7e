// Logs in: which keys a session offers, and in which order. For use inside support/remote.
#pragma once

#include <string>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/remote/ssh_config.h"
#include "support/remote/ssh_session.h"

namespace zcrx {

// Logs in with `identity` only or, if it is empty, with the configured keys: first key files
// without a passphrase, then the agent's keys, configured ones before others. The likely ones come
// first because the peer's MaxAuthTries ends the login.
Status LogIn(SshSession& session, const SshConfig& config, const std::string& identity,
             Deadline deadline);

}  // namespace zcrx
