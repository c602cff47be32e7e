#include "support/remote/connection_watchdog.h"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 100ms;     // no signal ends a wait of this thread
constexpr auto kLastAnswer = 2s;  // after an interruption

}  // namespace

ConnectionWatchdog::ConnectionWatchdog(int fd, Deadline deadline)
    : thread_([this, fd, deadline, undoing = Uninterrupted::Here()] {
        Watch(fd, deadline, undoing);
      }) {}

void ConnectionWatchdog::Watch(int fd, Deadline deadline, bool undoing) {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    auto end = Interruption::Bound(deadline.When(), undoing);
    if (!undoing) end = std::min(end + kLastAnswer, deadline.When());
    const auto now = Deadline::Clock::now();
    if (now >= end) {
      fired_ = true;
      ::shutdown(fd, SHUT_RDWR);
      return;
    }
    wake_.wait_until(lock, std::min(end, now + kLook));
  }
}

ConnectionWatchdog::~ConnectionWatchdog() { (void)Stop(); }

bool ConnectionWatchdog::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  return fired_;
}

}  // namespace zcrx
