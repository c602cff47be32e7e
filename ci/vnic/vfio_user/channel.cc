#include "ci/vnic/vfio_user/channel.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstring>
#include <utility>

#include "ci/vnic/base/endian.h"

namespace vnic::vfio_user {
namespace {

constexpr const char* kReceive = "receive a vfio-user message";

// The descriptors that came with some bytes. All of them are owned first: what is refused later
// must not stay open.
std::vector<zcrx::UniqueFd> TakeFds(const msghdr& message) {
  std::vector<zcrx::UniqueFd> fds;
  for (const cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
       control = CMSG_NXTHDR(const_cast<msghdr*>(&message), const_cast<cmsghdr*>(control))) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

zcrx::Result<bool> Channel::Fill(std::span<std::uint8_t> into, std::size_t& filled) {
  while (filled < into.size()) {
    const auto rest = into.subspan(filled);
    iovec data{.iov_base = rest.data(), .iov_len = rest.size()};
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(kMaxFds * sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t count = ::recvmsg(socket_.Get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (count < 0) return zcrx::FailErrno(kReceive);
    for (zcrx::UniqueFd& fd : TakeFds(message)) incoming_.fds.push_back(std::move(fd));
    if (count == 0) return zcrx::Fail(kReceive, EPIPE, "the client has hung up");
    if ((message.msg_flags & MSG_CTRUNC) != 0 || incoming_.fds.size() > kMaxFds) {
      return zcrx::Fail(kReceive, EBADMSG, "more file descriptors than max_msg_fds");
    }
    filled += static_cast<std::size_t>(count);
  }
  return true;
}

zcrx::Result<std::optional<Message>> Channel::Receive() {
  if (header_filled_ < sizeof(Header)) {
    std::array<std::uint8_t, sizeof(Header)> bytes{};
    std::memcpy(bytes.data(), &incoming_.header, sizeof(Header));
    const auto complete = Fill(bytes, header_filled_);
    std::memcpy(&incoming_.header, bytes.data(), sizeof(Header));
    ZCRX_RETURN_IF_ERROR(complete);
    if (!*complete) return std::nullopt;
    const std::size_t size = incoming_.header.size;
    if (size < sizeof(Header)) return zcrx::Fail(kReceive, EBADMSG, "smaller than its header");
    if (size - sizeof(Header) > kMaxBody) {
      return zcrx::Fail(kReceive, EMSGSIZE, fmt::format("{} bytes", size));
    }
    incoming_.body.resize(size - sizeof(Header));
    body_filled_ = 0;
  }
  ZCRX_ASSIGN_OR_RETURN(const bool complete, Fill(incoming_.body, body_filled_));
  if (!complete) return std::nullopt;
  header_filled_ = 0;
  return std::exchange(incoming_, Message{});
}

zcrx::Status Channel::Send(const Header& header, std::span<const std::uint8_t> body) {
  std::vector<std::uint8_t> bytes(sizeof(Header));
  StoreAt(bytes, 0, header);
  bytes.insert(bytes.end(), body.begin(), body.end());
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(socket_.Get(), bytes.data() + sent, bytes.size() - sent,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return zcrx::FailErrno("send a vfio-user reply");
    sent += static_cast<std::size_t>(count);
  }
  return {};
}

zcrx::Status Channel::Reply(const Header& request, std::span<const std::uint8_t> body) {
  return Send({.id = request.id,
               .command = request.command,
               .size = static_cast<std::uint32_t>(sizeof(Header) + body.size()),
               .flags = kTypeReply},
              body);
}

zcrx::Status Channel::ReplyError(const Header& request, int error) {
  return Send({.id = request.id,
               .command = request.command,
               .size = sizeof(Header),
               .flags = kTypeReply | kFlagError,
               .error = static_cast<std::uint32_t>(error)},
              {});
}

}  // namespace vnic::vfio_user
