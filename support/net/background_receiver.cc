#include "support/net/background_receiver.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "support/base/wait.h"
#include "support/net/listen.h"

namespace zcrx {
namespace {

constexpr size_t kReadBytes = size_t{64} << 10;
constexpr std::chrono::milliseconds kLook{100};

}  // namespace

Result<std::unique_ptr<BackgroundReceiver>> BackgroundReceiver::Listen(const SocketAddress& address,
                                                                       Check check) {
  ZCRX_ASSIGN_OR_RETURN(UniqueFd listener, ListenOn(address));
  ZCRX_ASSIGN_OR_RETURN(const SocketAddress endpoint, SocketAddress::OfSocket(listener.Get()));
  std::unique_ptr<BackgroundReceiver> receiver(
      new BackgroundReceiver(std::move(listener), endpoint));
  receiver->thread_ = std::thread([self = receiver.get(), check = std::move(check)]() mutable {
    Error error = self->ReceiveUntilEnd(std::move(check));
    const std::lock_guard lock(self->mutex_);
    self->ended_ = std::move(error);
    self->changed_.notify_all();
  });
  return receiver;
}

BackgroundReceiver::~BackgroundReceiver() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    // Both shutdowns wake the thread from a blocking call.
    shutdown(listener_.Get(), SHUT_RDWR);
    if (connection_.Valid()) shutdown(connection_.Get(), SHUT_RDWR);
  }
  thread_.join();
}

Status BackgroundReceiver::MovesOn(uint64_t bytes, Deadline deadline) {
  std::unique_lock lock(mutex_);
  const uint64_t found = bytes_;
  while (!ended_ && bytes_ - found < bytes && !deadline.Expired()) {
    // No signal ends this wait, so check the deadline regularly: an interruption moves it.
    changed_.wait_until(lock, Deadline::Exactly(kLook).Earlier(deadline).When());
  }
  if (ended_) return std::unexpected(*ended_);
  if (bytes_ - found >= bytes) return {};
  return FailExpired(fmt::format("receive {} more bytes on {}", bytes, endpoint_.Text()),
                     fmt::format("{} arrived, after {}", bytes_ - found, found));
}

Error BackgroundReceiver::ReceiveUntilEnd(Check check) {
  const std::string operation = "receive on " + endpoint_.Text();
  if (Status accepted = Accept(); !accepted) return accepted.error();
  std::vector<std::byte> buffer(kReadBytes);
  uint64_t offset = 0;
  while (true) {
    const ssize_t got = recv(connection_.Get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {operation, errno, fmt::format("after {} bytes", offset)};
    if (got == 0) return {operation, 0, fmt::format("the stream ended after {} bytes", offset)};
    const std::span bytes = std::span(buffer).first(static_cast<size_t>(got));
    if (Status right = check(offset, bytes); !right) return right.error();
    offset += bytes.size();
    const std::lock_guard lock(mutex_);
    bytes_ = offset;
    changed_.notify_all();
  }
}

Status BackgroundReceiver::Accept() {
  UniqueFd connection(accept4(listener_.Get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection.Valid()) return FailErrno("accept a connection on " + endpoint_.Text());
  const std::lock_guard lock(mutex_);
  // Otherwise the destructor would wait for the end of a stream that it could not close.
  if (closing_) return Fail("accept a connection on " + endpoint_.Text(), ECANCELED);
  connection_ = std::move(connection);
  return {};
}

}  // namespace zcrx
