#include "support/net/listen.h"

#include <sys/socket.h>

namespace zcrx {

Result<UniqueFd> ListenOn(const SocketAddress& address) {
  const std::string operation = "listen on " + address.Text();
  UniqueFd listener(socket(address.Family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener.Valid()) return FailErrno(operation);
  const int on = 1;
  if (setsockopt(listener.Get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) {
    return FailErrno(operation);
  }
  if (bind(listener.Get(), address.Get(), address.Length()) != 0) {
    const int code = errno;
    return Fail(operation, code,
                code == EADDRNOTAVAIL ? "this machine does not have the address, or is still "
                                        "checking that nobody else has"
                                      : "");
  }
  if (listen(listener.Get(), SOMAXCONN) != 0) return FailErrno(operation);
  return listener;
}

}  // namespace zcrx
