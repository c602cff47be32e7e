// Verifies the peer's host key against known_hosts. For use inside support/remote.
#pragma once

#include <libssh/libssh.h>

#include <string>

#include "support/base/result.h"
#include "support/remote/ssh_config.h"

namespace zcrx {

// Returns the host key algorithms to request: the configured ones, with those first for which
// known_hosts has a key of the peer.
std::string HostKeyAlgorithms(const SshConfig& config);

// Checks the host key of a session after its key exchange. Fails with EACCES unless known_hosts
// (the user's or the system's; sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) has exactly this key and does
// not revoke it. The error says how to fix it.
Status CheckHostKey(ssh_session session, const SshConfig& config);

}  // namespace zcrx
