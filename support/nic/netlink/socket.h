// A netlink socket: requests, dumps, notifications. Not thread-safe.
#pragma once

#include <netlink/socket.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/nic/netlink/message.h"

namespace zcrx::netlink {

// A safety limit that is not normally reached: the kernel handles a request inside send(), so the
// answer is there when send() returns. A driver that resets its device answers late.
inline constexpr std::chrono::seconds kAnswerGuard{30};

class Socket {
 public:
  // `protocol`: NETLINK_GENERIC or NETLINK_ROUTE.
  static Result<Socket> Open(int protocol);

  // Sends the request and returns every message of the answer: none for a bare ack, one for a get,
  // any number for a dump. Repeats a dump that the kernel reports as interrupted (NLM_F_DUMP_INTR).
  // Fails with the kernel's errno and message.
  Result<std::vector<Message>> Call(Request& request,
                                    Deadline deadline = Deadline::In(kAnswerGuard));
  // Joins a multicast group; its notifications arrive from now on.
  Status Join(uint32_t group);
  // Returns the notifications that have arrived: at least one, or none once the deadline has
  // passed. Notifications lost because the socket's buffer was full (ENOBUFS) count as one message
  // with IsLoss(); the caller must then read the state itself.
  Result<std::vector<Message>> Notifications(Deadline deadline);

 private:
  struct FreeSocket {
    void operator()(nl_sock* sock) const { nl_socket_free(sock); }
  };
  explicit Socket(nl_sock* sock) : sock_(sock) {}
  // Receives one datagram from the kernel. Fails with ETIMEDOUT at the deadline, with ENOBUFS if
  // some were lost.
  Result<std::vector<std::byte>> Receive(const std::string& operation, Deadline deadline);

  std::unique_ptr<nl_sock, FreeSocket> sock_;
};

}  // namespace zcrx::netlink
