// Is the machine that answered the one in known_hosts? Inside support/remote only.
#pragma once

#include <libssh/libssh.h>

#include <string>

#include "support/base/result.h"
#include "support/remote/ssh_config.h"

namespace zcrx {

// The algorithms to ask the peer for: as configured, but first those of the keys that known_hosts
// has for it.
std::string HostKeyAlgorithms(const SshConfig& config);

// For a session that has exchanged keys. EACCES with the sentence that mends it unless known_hosts
// (the user's or the system's; sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) has exactly this key, and does
// not revoke it.
Status CheckHostKey(ssh_session session, const SshConfig& config);

}  // namespace zcrx
