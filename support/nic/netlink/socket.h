// A netlink socket: one request and its answer, dumps, notifications. No thread safety.
#pragma once

#include <netlink/socket.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
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
  // For a request with exactly one answer; none is an error.
  Result<Message> CallForOne(Request& request);

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

// A generic netlink family ("ethtool", "netdev") and a socket to speak to it.
class Family {
 public:
  static Result<Family> Open(std::string_view name);

  // Whether this kernel's family knows the command: generic netlink itself answers EOPNOTSUPP to
  // one it does not know, which a driver's refusal looks just like.
  [[nodiscard]] bool Has(uint8_t command) const { return commands_.contains(command); }
  [[nodiscard]] bool HasGroup(std::string_view group) const { return groups_.contains(group); }

  // `operation` is for errors: "get rings of eth1".
  Request Get(std::string operation, uint8_t command);
  Request Dump(std::string operation, uint8_t command);

  Result<std::vector<Message>> Call(Request& request) { return socket_.Call(request); }
  Result<Message> CallForOne(Request& request) { return socket_.CallForOne(request); }

  // A second socket that hears this family's notifications of the group, from here on.
  Result<Socket> Listen(std::string_view group);

 private:
  Family(Socket socket, std::string name) : socket_(std::move(socket)), name_(std::move(name)) {}

  Socket socket_;
  std::string name_;
  int id_ = 0;
  std::set<uint8_t> commands_;
  std::map<std::string, uint32_t, std::less<>> groups_;
};

}  // namespace zcrx::netlink
