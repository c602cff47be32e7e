// A copy of this process for what a process can do or be only once: fork(2) without an exec. For
// tests.
#pragma once

#include <sys/types.h>

#include <functional>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

class ChildProcess {
 public:
  // Runs `body` there, whose result is its exit status. It is passed one of two connected sockets
  // (SOCK_SEQPACKET); Channel() is the other. The copy has what its parent has, locks included, so
  // it is killed if the parent ends (PR_SET_PDEATHSIG).
  static Result<ChildProcess> Start(const std::function<int(const UniqueFd& channel)>& body);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  // Kills it unless it has ended.
  ~ChildProcess();

  [[nodiscard]] pid_t Id() const { return pid_; }  // 0: it has been waited for
  [[nodiscard]] const UniqueFd& Channel() const { return channel_; }
  // Reads one message of exactly `bytes` bytes. Fails if it ends first.
  Status Read(void* message, size_t bytes, Deadline deadline);
  // Waits until it has ended. Returns its exit status; fails if a signal ended it.
  Result<int> Wait(Deadline deadline);
  void Kill();

 private:
  ChildProcess(pid_t pid, UniqueFd handle, UniqueFd channel)
      : pid_(pid), handle_(std::move(handle)), channel_(std::move(channel)) {}

  pid_t pid_;        // 0: it has been waited for
  UniqueFd handle_;  // pidfd_open(2)
  UniqueFd channel_;
};

}  // namespace zcrx
