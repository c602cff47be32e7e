#include "support/nic/netlink/socket.h"

#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <utility>

#include "support/base/wait.h"
#include "support/nic/netlink/reply.h"

namespace zcrx::netlink {
namespace {

constexpr int kMaxDumps = 8;
// A dump's buffer is as large as the largest that the socket has received into, up to this, and
// each message must fit (netlink_dump() in net/netlink/af_netlink.c).
constexpr size_t kLargestDumpBuffer = size_t{32} << 10;

Status SetOption(int fd, int option, const char* name) {
  const int on = 1;
  if (::setsockopt(fd, SOL_NETLINK, option, &on, sizeof(on)) == 0) return {};
  return FailErrno(std::string("setsockopt ") + name);
}

}  // namespace

Result<Socket> Socket::Open(int protocol) {
  nl_sock* raw = nl_socket_alloc();
  if (!raw) return Fail("open netlink socket", ENOMEM);
  Socket socket(raw);
  if (const int status = nl_connect(raw, protocol); status < 0) {
    return Fail("open netlink socket", 0, nl_geterror(status));
  }
  const int fd = nl_socket_get_fd(raw);
  ZCRX_RETURN_IF_ERROR(SetOption(fd, NETLINK_EXT_ACK, "NETLINK_EXT_ACK"));
  ZCRX_RETURN_IF_ERROR(SetOption(fd, NETLINK_CAP_ACK, "NETLINK_CAP_ACK"));
  return socket;
}

Result<std::vector<std::byte>> Socket::Receive(const std::string& operation, Deadline deadline) {
  const int fd = nl_socket_get_fd(sock_.get());
  while (true) {
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    ZCRX_ASSIGN_OR_RETURN(const bool there, PollUntil(operation, std::span(&ready, 1), deadline));
    if (!there) return FailExpired(operation, "no netlink message from the kernel");

    const ssize_t size = ::recv(fd, nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size < 0) return FailErrno(operation + ": recv");
    std::vector<std::byte> datagram(std::max(static_cast<size_t>(size), kLargestDumpBuffer));
    sockaddr_nl from{};
    socklen_t from_size = sizeof(from);
    const ssize_t got = ::recvfrom(fd, datagram.data(), datagram.size(), MSG_DONTWAIT,
                                   reinterpret_cast<sockaddr*>(&from), &from_size);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return FailErrno(operation + ": recv");
    if (from.nl_pid != 0) continue;  // sent by another process
    datagram.resize(static_cast<size_t>(got));
    return datagram;
  }
}

Result<std::vector<Message>> Socket::Call(Request& request, Deadline deadline) {
  ZCRX_ASSIGN_OR_RETURN(nl_msg * msg, request.Finish());
  for (int attempt = 0; attempt < kMaxDumps; ++attempt) {
    nlmsg_hdr(msg)->nlmsg_seq = NL_AUTO_SEQ;
    if (const int sent = nl_send_auto(sock_.get(), msg); sent < 0) {
      return Fail(request.Operation(), 0, std::string("send: ") + nl_geterror(sent));
    }
    Reply reply(nlmsg_hdr(msg)->nlmsg_seq);
    while (!reply.Whole()) {
      ZCRX_ASSIGN_OR_RETURN(const auto datagram, Receive(request.Operation(), deadline));
      if (Status taken = reply.Take(datagram); !taken.has_value()) {
        return Fail(request.Operation(), EBADMSG, taken.error().Text());
      }
    }
    const Answer& verdict = reply.Verdict();
    if (verdict.code != 0) return Fail(request.Operation(), verdict.code, verdict.detail);
    if (!reply.Interrupted()) return reply.TakeMessages();
  }
  return Fail(request.Operation(), EINTR,
              fmt::format("the state changed during each of {} dumps", kMaxDumps));
}

Status Socket::Join(uint32_t group) {
  const int fd = nl_socket_get_fd(sock_.get());
  if (::setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) == 0) return {};
  return FailErrno(fmt::format("join netlink group {}", group));
}

Result<std::vector<Message>> Socket::Notifications(Deadline deadline) {
  auto datagram = Receive("wait for netlink notifications", deadline);
  if (datagram.has_value()) return ParseNotifications(*datagram);
  if (datagram.error().code == ETIMEDOUT || datagram.error().code == ECANCELED)
    return std::vector<Message>{};
  if (datagram.error().code == ENOBUFS) return std::vector<Message>{Message{}};
  return std::unexpected(std::move(datagram).error());
}

}  // namespace zcrx::netlink
