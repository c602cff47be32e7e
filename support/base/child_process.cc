#include "support/base/child_process.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <utility>

#include "support/base/wait.h"

namespace zcrx {

Result<ChildProcess> ChildProcess::Start(const std::function<int(const UniqueFd&)>& body) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return FailErrno("start a process: socketpair");
  }
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return FailErrno("start a process: fork");
  if (pid == 0) {
    ours.Reset();
    // The parent may have ended before it asked for this.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) _exit(127);
    _exit(body(theirs));
  }
  // glibc has a function for it from 2.36 on.
  UniqueFd handle(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  ChildProcess child(pid, std::move(handle), std::move(ours));
  if (!child.handle_.Valid()) return FailErrno("start a process: pidfd_open");
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      handle_(std::move(other.handle_)),
      channel_(std::move(other.channel_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ == 0) return;
  Kill();
  waitpid(pid_, nullptr, 0);
}

Status ChildProcess::Read(void* message, size_t bytes, Deadline deadline) {
  const std::string operation = "read from the other process";
  std::array<pollfd, 1> readable = {pollfd{.fd = channel_.Get(), .events = POLLIN, .revents = 0}};
  ZCRX_ASSIGN_OR_RETURN(const bool ready, PollUntil(operation, readable, deadline));
  if (!ready) return FailExpired(operation);
  const ssize_t got = recv(channel_.Get(), message, bytes, 0);
  if (got < 0) return FailErrno(operation);
  if (static_cast<size_t>(got) == bytes) return {};
  return Fail(operation, 0, got == 0 ? "it has ended" : "the message has another length");
}

Result<int> ChildProcess::Wait(Deadline deadline) {
  const std::string operation = "wait for the other process";
  std::array<pollfd, 1> ended = {pollfd{.fd = handle_.Get(), .events = POLLIN, .revents = 0}};
  ZCRX_ASSIGN_OR_RETURN(const bool ready, PollUntil(operation, ended, deadline));
  if (!ready) return FailExpired(operation);
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return FailErrno(operation);
  pid_ = 0;
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  return Fail(operation, 0, fmt::format("signal {} ended it", WTERMSIG(status)));
}

void ChildProcess::Kill() { kill(pid_, SIGKILL); }

}  // namespace zcrx
