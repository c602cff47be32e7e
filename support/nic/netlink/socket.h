// A netlink socket: one request and its answer, dumps, notifications. No thread safety.
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

// A guard, not a wait: the kernel handles a request inside send(), so its answer is there when
// send() returns. A driver that resets its device answers late.
inline constexpr std::chrono::seconds kAnswerGuard{30};

class Socket {
 public:
  // `protocol`: NETLINK_GENERIC or NETLINK_ROUTE.
  static Result<Socket> Open(int protocol);

  // Sends the request and returns every message of the answer: none for a bare ack, one for a get,
  // any number for a dump. A dump that the kernel found changing under it (NLM_F_DUMP_INTR) starts
  // again. The kernel's refusal is the error, with its own sentence.
  Result<std::vector<Message>> Call(Request& request,
                                    Deadline deadline = Deadline::In(kAnswerGuard));
  // Notifications of the group arrive from here on.
  Status Join(uint32_t group);
  // The notifications that have come, at least one unless the deadline passes first: then none.
  // Ones that were lost because the socket's buffer was full (ENOBUFS) count as one message, which
  // IsLoss(): the caller has to look at the state itself.
  Result<std::vector<Message>> Notifications(Deadline deadline);

 private:
  struct FreeSocket {
    void operator()(nl_sock* sock) const { nl_socket_free(sock); }
  };
  explicit Socket(nl_sock* sock) : sock_(sock) {}
  // One datagram from the kernel. ETIMEDOUT when the deadline passes, ENOBUFS when some were lost.
  Result<std::vector<std::byte>> Receive(const std::string& operation, Deadline deadline);

  std::unique_ptr<nl_sock, FreeSocket> sock_;
};

}  // namespace zcrx::netlink
