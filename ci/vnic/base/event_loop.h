// One thread waits for everything: sockets, the parent's pipe, signals.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

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

  // Until Stop(). The error is epoll's own.
  zcrx::Status Run();
  void Stop() { stopped_ = true; }

 private:
  explicit EventLoop(zcrx::UniqueFd epoll) : epoll_(std::move(epoll)) {}

  zcrx::UniqueFd epoll_;
  // Shared, so that a callback that removes itself stays alive until it returns.
  std::map<int, std::shared_ptr<Callback>> callbacks_;
  bool stopped_ = false;
};

}  // namespace vnic
