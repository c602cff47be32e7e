#include "support/remote/tcp_connect.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <span>

#include "support/base/wait.h"
#include "support/remote/name_lookup.h"

namespace zcrx {
namespace {

Result<UniqueFd> ConnectTo(const addrinfo& address, const std::string& operation,
                           Deadline deadline) {
  UniqueFd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.Valid()) return FailErrno(operation);
  if (::connect(fd.Get(), address.ai_addr, address.ai_addrlen) == 0) return fd;
  if (errno != EINPROGRESS) return FailErrno(operation);

  pollfd wait{.fd = fd.Get(), .events = POLLOUT, .revents = 0};
  ZCRX_ASSIGN_OR_RETURN(const bool answered, PollUntil(operation, std::span(&wait, 1), deadline));
  if (!answered) return FailExpired(operation, "the machine does not answer");

  int code = 0;
  socklen_t length = sizeof(code);
  if (::getsockopt(fd.Get(), SOL_SOCKET, SO_ERROR, &code, &length) != 0) {
    return FailErrno(operation);
  }
  if (code == ECONNREFUSED) {
    return Fail(operation, code, "nothing listens there; is sshd running, and is the port right?");
  }
  if (code != 0) return Fail(operation, code);
  return fd;
}

}  // namespace

Result<UniqueFd> TcpConnect(const std::string& host, uint16_t port, Deadline deadline) {
  const std::string operation = fmt::format("connect to {} port {}", host, port);
  ZCRX_ASSIGN_OR_RETURN(const Addresses addresses, LookUp(host, port, deadline));

  Result<UniqueFd> result = Fail(operation, EADDRNOTAVAIL, "the name has no address");
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    result = ConnectTo(*address, operation, deadline);
    if (!result.has_value()) continue;
    // SSH is a dialogue of requests and replies, each of which Nagle's algorithm would delay.
    const int on = 1;
    (void)::setsockopt(result->Get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    break;
  }
  return result;
}

}  // namespace zcrx
