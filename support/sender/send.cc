#include "support/sender/send.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/unique_fd.h"
#include "support/net/socket_address.h"
#include "support/payload/payload.h"
#include "support/sender/ip_options.h"
#include "support/sender/lease.h"

namespace zcrx {
namespace {

// Waits for `events` on the socket, up to the deadline and the end of the lease.
class Waiter {
 public:
  Waiter(int socket, Lease& lease, Deadline deadline)
      : socket_(socket), lease_(lease), deadline_(deadline) {}

  Status WaitFor(short events, const std::string& operation) {
    while (true) {
      std::array<pollfd, 2> fds = {{{.fd = socket_, .events = events, .revents = 0},
                                    {.fd = lease_.Fd(), .events = POLLIN, .revents = 0}}};
      const int ready = poll(fds.data(), fds.size(), deadline_.Earlier(lease_.End()).RemainingMs());
      if (ready < 0 && errno != EINTR) return FailErrno(operation);
      if (deadline_.Expired()) return Fail(operation, ETIMEDOUT);
      if (ready > 0 && fds[1].revents != 0) ZCRX_RETURN_IF_ERROR(lease_.Read(operation));
      ZCRX_RETURN_IF_ERROR(lease_.Holds(operation));
      if (ready > 0 && fds[0].revents != 0) return {};
    }
  }

 private:
  int socket_;
  Lease& lease_;
  Deadline deadline_;
};

Status Connect(int socket, const SocketAddress& address, Waiter& waiter) {
  const std::string operation = "connect to " + address.Text();
  if (connect(socket, address.Get(), address.Length()) == 0) return {};
  if (errno != EINPROGRESS) return FailErrno(operation);
  ZCRX_RETURN_IF_ERROR(waiter.WaitFor(POLLOUT, operation));
  int code = 0;
  socklen_t length = sizeof(code);
  if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &length) != 0) return FailErrno(operation);
  if (code != 0) return Fail(operation, code);
  return {};
}

Status WaitForWord(int socket, Waiter& waiter) {
  const std::string operation = "wait until the receiver wants more";
  while (true) {
    ZCRX_RETURN_IF_ERROR(waiter.WaitFor(POLLIN, operation));
    std::byte word;
    const ssize_t got = recv(socket, &word, sizeof(word), 0);
    if (got > 0) return {};
    if (got == 0) return Fail(operation, 0, "it has closed the connection");
    if (errno != EAGAIN && errno != EINTR) return FailErrno(operation);
  }
}

Status SendPayload(int socket, const SendPlan& plan, Waiter& waiter) {
  const Payload payload(plan.seed);
  const bool separate = plan.sizes_to != 0;
  std::vector<std::byte> buffer(separate ? plan.sizes_to : plan.send_size);
  // MSG_EOR ends the segment with the send()'s last byte (tcp_skb_can_collapse_to() in
  // net/ipv4/tcp.c).
  const int flags = MSG_NOSIGNAL | (separate ? MSG_EOR : 0);
  uint64_t sent = 0;
  for (size_t turn = 0; sent < plan.bytes; ++turn) {
    const uint64_t send_size = separate ? turn % plan.sizes_to + 1 : plan.send_size;
    const uint64_t end =
        sent < plan.pause_after ? std::min(plan.pause_after, plan.bytes) : plan.bytes;
    const auto size = static_cast<size_t>(std::min(send_size, end - sent));
    payload.Fill(sent, std::span(buffer).first(size));
    for (size_t done = 0; done < size;) {
      const std::string operation =
          fmt::format("send, after {} of {} bytes", sent + done, plan.bytes);
      ZCRX_RETURN_IF_ERROR(waiter.WaitFor(POLLOUT, operation));
      const ssize_t taken = send(socket, buffer.data() + done, size - done, flags);
      if (taken >= 0) {
        done += static_cast<size_t>(taken);
      } else if (errno != EAGAIN && errno != EINTR) {
        return FailErrno(operation);
      }
    }
    sent += size;
    if (sent == plan.pause_after) ZCRX_RETURN_IF_ERROR(WaitForWord(socket, waiter));
  }
  return {};
}

// Waits until the receiver closes, which it does once it has everything. Before that, data may
// still be on its way, and a process that exits earlier would not learn of a reset.
Status WaitForClose(int socket, Waiter& waiter) {
  const std::string operation = "everything is sent; wait for the receiver to close";
  if (shutdown(socket, SHUT_WR) != 0) return FailErrno(operation);
  while (true) {
    ZCRX_RETURN_IF_ERROR(waiter.WaitFor(POLLIN, operation));
    std::byte byte;
    const ssize_t got = recv(socket, &byte, sizeof(byte), 0);
    if (got == 0) return {};
    if (got > 0) return Fail(operation, 0, "the receiver sent data");
    if (errno != EAGAIN && errno != EINTR) return FailErrno(operation);
  }
}

// Resets the connection. Data that the other end has not read yet is lost there, as is unsent data.
Status Reset(UniqueFd socket) {
  const linger now = {.l_onoff = 1, .l_linger = 0};
  if (setsockopt(socket.Get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now)) != 0) {
    return FailErrno("reset the connection");
  }
  socket.Reset();
  return {};
}

Result<UniqueFd> OpenSocket(const SendPlan& plan, const SocketAddress& address) {
  UniqueFd socket(::socket(address.Family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.Valid()) return FailErrno("make a socket for " + address.Text());
  // Otherwise a short segment would wait until earlier ones are acknowledged.
  const int on = plan.sizes_to != 0 ? 1 : 0;
  if (setsockopt(socket.Get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
    return FailErrno("set TCP_NODELAY");
  }
  ZCRX_RETURN_IF_ERROR(SetIpOptions(socket.Get(), address.Family(), plan));
  // With this option TCP paces itself, whatever the queueing discipline of the device.
  if (plan.bytes_per_s != 0 && setsockopt(socket.Get(), SOL_SOCKET, SO_MAX_PACING_RATE,
                                          &plan.bytes_per_s, sizeof(plan.bytes_per_s)) != 0) {
    return FailErrno("set SO_MAX_PACING_RATE");
  }
  return socket;
}

}  // namespace

Status Send(const SendPlan& plan, int control_fd, const std::function<Status()>& on_connected) {
  const Deadline deadline = Deadline::In(plan.lifetime);
  ZCRX_ASSIGN_OR_RETURN(const SocketAddress address, SocketAddress::Parse(plan.address, plan.port));
  Lease lease(control_fd, plan.lease);
  for (uint32_t time = 0; time < plan.times; ++time) {
    ZCRX_ASSIGN_OR_RETURN(UniqueFd socket, OpenSocket(plan, address));
    Waiter waiter(socket.Get(), lease, deadline);
    ZCRX_RETURN_IF_ERROR(Connect(socket.Get(), address, waiter));
    if (time == 0) ZCRX_RETURN_IF_ERROR(on_connected());
    ZCRX_RETURN_IF_ERROR(SendPayload(socket.Get(), plan, waiter));
    ZCRX_RETURN_IF_ERROR(plan.reset ? Reset(std::move(socket))
                                    : WaitForClose(socket.Get(), waiter));
  }
  return {};
}

}  // namespace zcrx
