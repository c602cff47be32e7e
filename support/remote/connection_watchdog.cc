#include "support/remote/connection_watchdog.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace zcrx {

Result<std::unique_ptr<ConnectionWatchdog>> ConnectionWatchdog::Start() {
  std::unique_ptr<ConnectionWatchdog> watchdog(new ConnectionWatchdog);
  watchdog->wake_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!watchdog->wake_.Valid()) return FailErrno("make an eventfd");
  watchdog->thread_ = std::thread([raw = watchdog.get()] { raw->Run(); });
  return watchdog;
}

ConnectionWatchdog::~ConnectionWatchdog() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  (void)::eventfd_write(wake_.Get(), 1);
  if (thread_.joinable()) thread_.join();
}

Deadline::Clock::time_point ConnectionWatchdog::Watched::End() const {
  const auto end = Interruption::Bound(deadline.When(), undoing);
  return undoing ? end : std::min<Clock::time_point>(end + last_answer, deadline.When());
}

void ConnectionWatchdog::Run() {
  const HearsInterruption hears;
  pollfd wake{.fd = wake_.Get(), .events = POLLIN, .revents = 0};
  while (const auto sleep = Look()) {
    // Not RemainingTimespec(), which would be zero after an interruption.
    const auto seconds = std::chrono::floor<std::chrono::seconds>(*sleep);
    const timespec left{.tv_sec = seconds.count(), .tv_nsec = (*sleep - seconds).count()};
    (void)::ppoll(&wake, 1, &left, Interruption::WaitMask());
    eventfd_t times = 0;
    (void)::eventfd_read(wake_.Get(), &times);
  }
}

std::optional<Deadline::Clock::duration> ConnectionWatchdog::Look() {
  constexpr std::chrono::hours kIdle{24};
  const std::lock_guard lock(mutex_);
  if (closing_) return std::nullopt;
  const auto now = Clock::now();
  if (watched_ && !watched_->fired && now >= watched_->End()) {
    watched_->fired = true;
    for (const int socket : watched_->sockets) {
      if (socket >= 0) ::shutdown(socket, SHUT_RDWR);
    }
  }
  sleeps_until_ = watched_ && !watched_->fired ? watched_->End() : now + kIdle;
  return std::max<Clock::duration>(sleeps_until_ - now, {});
}

ConnectionWatchdog::Call::Call(ConnectionWatchdog& watchdog, Sockets sockets, Deadline deadline,
                               std::chrono::milliseconds last_answer)
    : watchdog_(watchdog) {
  const std::lock_guard lock(watchdog_.mutex_);
  watchdog_.watched_ = {.sockets = sockets,
                        .deadline = deadline,
                        .last_answer = last_answer,
                        .undoing = Uninterrupted::Here()};
  // Wake the thread only if it would sleep beyond the end of this call.
  if (watchdog_.watched_->End() < watchdog_.sleeps_until_) {
    (void)::eventfd_write(watchdog_.wake_.Get(), 1);
  }
}

bool ConnectionWatchdog::Call::Stop() {
  const std::lock_guard lock(watchdog_.mutex_);
  const auto ended = std::exchange(watchdog_.watched_, std::nullopt);
  return ended && ended->fired;
}

}  // namespace zcrx
