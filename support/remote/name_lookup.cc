#include "support/remote/name_lookup.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <span>
#include <thread>
#include <utility>

#include "support/base/unique_fd.h"
#include "support/base/wait.h"

namespace zcrx {
namespace {

struct Question {
  std::string host;
  std::string port;
  UniqueFd answered = {};  // an eventfd
  int code = 0;            // EAI_*
  Addresses found = nullptr;

  void Ask(int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | flags;
    addrinfo* first = nullptr;
    code = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &first);
    found.reset(first);
  }
};

}  // namespace

Result<Addresses> LookUp(const std::string& host, uint16_t port, Deadline deadline) {
  const std::string operation = "look up " + host;
  const auto question = std::make_shared<Question>(host, std::to_string(port));
  question->Ask(AI_NUMERICHOST);
  if (question->code == 0) return std::move(question->found);

  question->answered.Reset(::eventfd(0, EFD_CLOEXEC));
  if (!question->answered.Valid()) return FailErrno(operation);
  // getaddrinfo(3) cannot be cancelled, so it runs in its own thread. After a timeout that thread
  // keeps the question until the resolver gives up too.
  std::thread([question] {
    question->Ask(0);
    (void)::eventfd_write(question->answered.Get(), 1);
  }).detach();
  pollfd answered{.fd = question->answered.Get(), .events = POLLIN, .revents = 0};
  ZCRX_ASSIGN_OR_RETURN(const bool in_time,
                        PollUntil(operation, std::span(&answered, 1), deadline));
  if (!in_time) return FailExpired(operation, "no name server has answered");
  eventfd_t times = 0;
  if (::eventfd_read(answered.fd, &times) != 0) return FailErrno(operation);
  if (question->code != 0) return Fail(operation, 0, ::gai_strerror(question->code));
  return std::move(question->found);
}

}  // namespace zcrx
