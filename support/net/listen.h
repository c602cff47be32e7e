// A listening TCP socket.
#pragma once

#include "support/base/result.h"
#include "support/base/unique_fd.h"
#include "support/net/socket_address.h"

namespace zcrx {

// EADDRINUSE: the port is taken; EADDRNOTAVAIL: this machine does not have the address (yet).
Result<UniqueFd> ListenOn(const SocketAddress& address);

}  // namespace zcrx
