// A listening TCP socket.
#pragma once

#include "support/base/result.h"
#include "support/base/unique_fd.h"
#include "support/net/socket_address.h"

namespace zcrx {

// Returns a TCP socket that listens on `address`. Fails with EADDRINUSE if the port is taken, with
// EADDRNOTAVAIL if this machine does not have the address (yet).
Result<UniqueFd> ListenOn(const SocketAddress& address);

}  // namespace zcrx
