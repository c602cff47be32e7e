#include "support/remote/connection_watchdog.h"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 100ms;  // no signal ends a wait of this thread

}  // namespace

ConnectionWatchdog::ConnectionWatchdog(Sockets sockets, Deadline deadline,
                                       std::chrono::milliseconds last_answer)
    : thread_([this, sockets, deadline, last_answer, undoing = Uninterrupted::Here()] {
        Watch(sockets, deadline, last_answer, undoing);
      }) {}

void ConnectionWatchdog::Watch(Sockets sockets, Deadline deadline,
                               std::chrono::milliseconds last_answer, bool undoing) {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    auto end = Interruption::Bound(deadline.When(), undoing);
    if (!undoing) end = std::min<Deadline::Clock::time_point>(end + last_answer, deadline.When());
    const auto now = Deadline::Clock::now();
    if (now >= end) {
      fired_ = true;
      for (const int socket : sockets) {
        if (socket >= 0) ::shutdown(socket, SHUT_RDWR);
      }
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
