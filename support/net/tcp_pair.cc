#include "support/net/tcp_pair.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <utility>

#include "support/base/wait.h"
#include "support/net/listen.h"
#include "support/net/socket_address.h"

namespace zcrx {

Result<TcpPair> TcpPair::Connect(int family) {
  ZCRX_ASSIGN_OR_RETURN(const SocketAddress any,
                        SocketAddress::Parse(family == AF_INET6 ? "::1" : "127.0.0.1", 0));
  ZCRX_ASSIGN_OR_RETURN(const UniqueFd listener, ListenOn(any));
  ZCRX_ASSIGN_OR_RETURN(const SocketAddress endpoint, SocketAddress::OfSocket(listener.Get()));
  UniqueFd far(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!far.Valid() || connect(far.Get(), endpoint.Get(), endpoint.Length()) != 0) {
    return FailErrno("connect to " + endpoint.Text());
  }
  const int one = 1;
  if (setsockopt(far.Get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0) {
    return FailErrno("set TCP_NODELAY");
  }
  UniqueFd near(accept4(listener.Get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!near.Valid()) return FailErrno("accept on " + endpoint.Text());
  return TcpPair(std::move(near), std::move(far));
}

Status TcpPair::Send(std::span<const std::byte> bytes, Deadline deadline) {
  const std::string operation = fmt::format("send {} bytes over loopback", bytes.size());
  while (!bytes.empty()) {
    const ssize_t sent = send(far_.Get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<size_t>(sent));
      continue;
    }
    if (sent < 0 && errno != EAGAIN) return FailErrno(operation);
    std::array<pollfd, 1> writable = {pollfd{.fd = far_.Get(), .events = POLLOUT, .revents = 0}};
    ZCRX_ASSIGN_OR_RETURN(const bool ready, PollUntil(operation, writable, deadline));
    if (!ready) return FailExpired(operation, fmt::format("{} bytes are left", bytes.size()));
  }
  return {};
}

Status TcpPair::Finish() {
  if (shutdown(far_.Get(), SHUT_WR) != 0) return FailErrno("end the stream over loopback");
  return {};
}

Status TcpPair::Reset() {
  const linger now = {.l_onoff = 1, .l_linger = 0};
  if (setsockopt(far_.Get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now)) != 0) {
    return FailErrno("set SO_LINGER");
  }
  far_.Reset();
  return {};
}

}  // namespace zcrx
