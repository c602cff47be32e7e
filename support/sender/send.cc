#include "support/sender/send.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/unique_fd.h"
#include "support/net/socket_address.h"
#include "support/payload/payload.h"

namespace zcrx {
namespace {

// Waits for `events` on the socket, minding the deadline and the controlling end.
class Waiter {
 public:
  Waiter(int socket, int control_fd, Deadline deadline)
      : socket_(socket), control_fd_(control_fd), deadline_(deadline) {}

  Status WaitFor(short events, const std::string& operation) const {
    while (true) {
      std::array<pollfd, 2> fds = {{{.fd = socket_, .events = events, .revents = 0},
                                    {.fd = control_fd_, .events = POLLIN, .revents = 0}}};
      const int ready = poll(fds.data(), fds.size(), deadline_.RemainingMs());
      if (ready < 0 && errno != EINTR) return FailErrno(operation);
      if (deadline_.Expired()) return Fail(operation, ETIMEDOUT);
      if (ready <= 0) continue;
      if (fds[1].revents != 0) ZCRX_RETURN_IF_ERROR(ReadControl(operation));
      if (fds[0].revents != 0) return {};
    }
  }

 private:
  // What is written to us means nothing; the end does.
  Status ReadControl(const std::string& operation) const {
    std::array<char, 256> ignored;
    const ssize_t got = read(control_fd_, ignored.data(), ignored.size());
    if (got < 0 && errno != EINTR && errno != EAGAIN) {
      return FailErrno(operation, "standard input broke");
    }
    if (got == 0) return Fail(operation, ECANCELED, "standard input was closed");
    return {};
  }

  int socket_;
  int control_fd_;
  Deadline deadline_;
};

Status Connect(int socket, const SocketAddress& address, const Waiter& waiter) {
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

Status SendPayload(int socket, const SendOptions& options, const Waiter& waiter) {
  const Payload payload(options.seed);
  std::vector<std::byte> buffer(options.send_size);
  for (uint64_t sent = 0; sent < options.bytes;) {
    const auto size = static_cast<size_t>(std::min<uint64_t>(buffer.size(), options.bytes - sent));
    payload.Fill(sent, std::span(buffer).first(size));
    for (size_t done = 0; done < size;) {
      const std::string operation =
          fmt::format("send, after {} of {} bytes", sent + done, options.bytes);
      ZCRX_RETURN_IF_ERROR(waiter.WaitFor(POLLOUT, operation));
      const ssize_t taken = send(socket, buffer.data() + done, size - done, MSG_NOSIGNAL);
      if (taken >= 0) {
        done += static_cast<size_t>(taken);
      } else if (errno != EAGAIN && errno != EINTR) {
        return FailErrno(operation);
      }
    }
    sent += size;
  }
  return {};
}

// The receiver closes when it has all: until then the data may still be under way, and a process
// that ends earlier would not learn of a reset.
Status WaitForClose(int socket, const Waiter& waiter) {
  const std::string operation = "all is sent; wait for the receiver to close";
  if (shutdown(socket, SHUT_WR) != 0) return FailErrno(operation);
  while (true) {
    ZCRX_RETURN_IF_ERROR(waiter.WaitFor(POLLIN, operation));
    std::byte byte;
    const ssize_t got = recv(socket, &byte, sizeof(byte), 0);
    if (got == 0) return {};
    if (got > 0) return Fail(operation, 0, "it sent data");
    if (errno != EAGAIN && errno != EINTR) return FailErrno(operation);
  }
}

}  // namespace

Status Send(const SendOptions& options, int control_fd,
            const std::function<Status()>& on_connected) {
  const Deadline deadline = Deadline::In(std::chrono::milliseconds(options.deadline_ms));
  ZCRX_ASSIGN_OR_RETURN(const SocketAddress address,
                        SocketAddress::Parse(options.address, options.port));
  const UniqueFd socket(::socket(address.Family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.Valid()) return FailErrno("make a socket for " + address.Text());
  const Waiter waiter(socket.Get(), control_fd, deadline);
  ZCRX_RETURN_IF_ERROR(Connect(socket.Get(), address, waiter));
  ZCRX_RETURN_IF_ERROR(on_connected());
  ZCRX_RETURN_IF_ERROR(SendPayload(socket.Get(), options, waiter));
  return WaitForClose(socket.Get(), waiter);
}

}  // namespace zcrx
