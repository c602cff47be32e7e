// One thread waits for everything: sockets, the parent's pipe, signals, times.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "ci/vnic/base/timers.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace vnic {

class EventLoop {
 public:
  using Callback = std::move_only_function<void()>;

  static zcrx::Result<EventLoop> Create();

  // Runs `on_readable` while `fd` can be read or has been hung up (level-triggered). The fd stays
  // the caller's, who removes it before closing it. A callback may add and remove fds, its own too.
  zcrx::Status Add(int fd, Callback on_readable);
  void Remove(int fd);
  [[nodiscard]] Timers& LoopTimers() { return *timers_; }

  // Until Stop(). The error is epoll's own.
  zcrx::Status Run();
  void Stop() { stopped_ = true; }

 private:
  explicit EventLoop(zcrx::UniqueFd epoll) : epoll_(std::move(epoll)) {}

  // How long to wait for events, in milliseconds; -1: no timer waits.
  [[nodiscard]] int Timeout() const;

  zcrx::UniqueFd epoll_;
  std::unique_ptr<Timers> timers_ = std::make_unique<Timers>();  // it has one address
  // Shared, so that a callback that removes itself stays alive until it returns.
  std::map<int, std::shared_ptr<Callback>> callbacks_;
  bool stopped_ = false;
};

}  // namespace vnic
