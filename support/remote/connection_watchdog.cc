#include "support/remote/connection_watchdog.h"

#include <sys/socket.h>

namespace zcrx {

ConnectionWatchdog::ConnectionWatchdog(int fd, Deadline deadline)
    : thread_([this, fd, deadline] {
        std::unique_lock lock(mutex_);
        if (!wake_.wait_until(lock, deadline.When(), [this] { return stopped_; })) {
          fired_ = true;
          ::shutdown(fd, SHUT_RDWR);
        }
      }) {}

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
