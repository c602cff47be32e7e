// Is the machine that answered the one in known_hosts? Inside support/remote only.
#pragma once

#include <libssh/libssh.h>

#include "support/base/result.h"

namespace zcrx {

// For a session that has exchanged keys. EACCES with the sentence that mends it unless known_hosts
// (the user's or the system's; sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) has exactly this key, and does
// not revoke it.
Status CheckHostKey(ssh_session session);

}  // namespace zcrx
