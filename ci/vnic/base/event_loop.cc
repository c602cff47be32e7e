#include "ci/vnic/base/event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

namespace vnic {

zcrx::Result<EventLoop> EventLoop::Create() {
  zcrx::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.Valid()) return zcrx::FailErrno("create an epoll instance");
  return EventLoop(std::move(epoll));
}

zcrx::Status EventLoop::Add(int fd, Callback on_readable) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (::epoll_ctl(epoll_.Get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return zcrx::FailErrno(fmt::format("wait for file descriptor {}", fd));
  }
  callbacks_[fd] = std::make_shared<Callback>(std::move(on_readable));
  return {};
}

void EventLoop::Remove(int fd) {
  if (callbacks_.erase(fd) > 0) ::epoll_ctl(epoll_.Get(), EPOLL_CTL_DEL, fd, nullptr);
}

int EventLoop::Timeout() const {
  const auto next = timers_->Next();
  if (!next) return -1;
  // Rounded up: not woken before the time has come. A far one is looked at again.
  constexpr std::chrono::milliseconds kLongest{60'000};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - timers_->Now());
  return static_cast<int>(std::clamp(left, std::chrono::milliseconds{0}, kLongest).count());
}

zcrx::Status EventLoop::Run() {
  std::array<epoll_event, 16> events{};
  while (!stopped_) {
    const int count =
        ::epoll_wait(epoll_.Get(), events.data(), static_cast<int>(events.size()), Timeout());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return zcrx::FailErrno("wait for events");
    timers_->RunDue();
    for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(count))) {
      // An earlier callback of this round may have removed it.
      const auto found = callbacks_.find(event.data.fd);
      if (found == callbacks_.end()) continue;
      const std::shared_ptr<Callback> callback = found->second;
      (*callback)();
      if (stopped_) break;
    }
  }
  return {};
}

}  // namespace vnic
