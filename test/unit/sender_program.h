// zcrx_sender as a child of a test.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/unique_fd.h"

namespace zcrx {

inline constexpr std::chrono::seconds kPatience{
    20};  // for what happens at once on any machine that is not stuck

// Until `fd` can be read; false at the deadline.
inline bool Readable(int fd, Deadline deadline) {
  pollfd poll_fd = {.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&poll_fd, 1, deadline.RemainingMs()) == 1;
}

// Up to `bytes` bytes, fewer at the end of the file or the deadline.
inline std::string Read(int fd, size_t bytes, Deadline deadline) {
  std::string text;
  std::array<char, 65536> buffer;
  while (text.size() < bytes && Readable(fd, deadline)) {
    const ssize_t got = read(fd, buffer.data(), std::min(buffer.size(), bytes - text.size()));
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  return text;
}

struct Pipe {
  Pipe() {
    std::array<int, 2> fds = {-1, -1};
    if (pipe2(fds.data(), O_CLOEXEC) == 0) {
      out.Reset(fds[0]);
      in.Reset(fds[1]);
    }
  }
  UniqueFd out;
  UniqueFd in;
};

class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments) {
    std::vector<std::string> copy = arguments;
    std::string name = ZCRX_SENDER;
    std::vector<char*> argv = {name.data()};
    for (std::string& argument : copy) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, stdin_.out.Get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, stdout_.in.Get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, stderr_.in.Get(), STDERR_FILENO);
    if (posix_spawn(&pid_, name.c_str(), &actions, nullptr, argv.data(), environ) != 0) pid_ = -1;
    posix_spawn_file_actions_destroy(&actions);
    stdin_.out.Reset();
    stdout_.in.Reset();
    stderr_.in.Reset();
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  void CloseStdin() { stdin_.in.Reset(); }
  // A byte on its stdin; false where it has gone.
  bool SignOfLife() { return ::write(stdin_.in.Get(), "\n", 1) == 1; }
  std::string Line() {
    std::string line;
    while (!line.ends_with('\n')) {
      const std::string next = Read(stdout_.out.Get(), 1, Deadline::In(kPatience));
      if (next.empty()) break;
      line += next;
    }
    return line;
  }
  std::string Errors() { return Read(stderr_.out.Get(), 65536, Deadline::In(kPatience)); }
  // Its exit status, -1 if a signal ended it. It has ended when its stderr has.
  int Wait() {
    errors_ = Errors();
    int status = 0;
    if (pid_ <= 0 || waitpid(pid_, &status, 0) != pid_) return -2;
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] const std::string& errors() const { return errors_; }  // after Wait()

 private:
  Pipe stdin_;
  Pipe stdout_;
  Pipe stderr_;
  pid_t pid_ = -1;
  std::string errors_;
};

}  // namespace zcrx
