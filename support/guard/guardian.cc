#include "support/guard/guardian.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "support/base/kill_point.h"
#include "support/base/wait.h"
#include "support/nic/huge_pages.h"

namespace zcrx {
namespace {

constexpr size_t kLongestPacket = 4096;

// Duplicates a descriptor to a number above those it gets in the guardian.
Result<UniqueFd> Aside(int fd) {
  UniqueFd aside(::fcntl(fd, F_DUPFD_CLOEXEC, kGuardianHugePages + 1));
  if (!aside.Valid()) return FailErrno("pass a descriptor to the guardian");
  return aside;
}

// Returns this process's environment with the guardian's kill point in place of the run's.
std::vector<std::string> GuardiansEnvironment() {
  const std::string ours = std::string(kKillAt) + '=';
  const std::string its = std::string(kGuardianKillAt) + '=';
  std::vector<std::string> variables;
  for (char* const* variable = ::environ; *variable != nullptr; ++variable) {
    std::string text = *variable;
    if (text.starts_with(ours)) continue;
    if (text.starts_with(its)) text.replace(0, its.size(), ours);
    variables.push_back(std::move(text));
  }
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Starts a program in a session of its own, with no signal blocked or ignored, and with only
// standard error and the descriptors inherited. `huge_pages` is -1 if there are none.
Result<pid_t> Spawn(std::vector<std::string> words, int lock, int socket, int huge_pages) {
  const std::string operation = "start " + words.front();
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t all;
  sigset_t none;
  ::sigfillset(&all);
  ::sigemptyset(&none);
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  std::vector<std::string> variables = GuardiansEnvironment();
  pid_t pid = 0;
  const auto spawn = [&] {
    for (const int code : {
             ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0),
             ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0),
             ::posix_spawn_file_actions_adddup2(&actions, lock, kGuardianLock),
             ::posix_spawn_file_actions_adddup2(&actions, socket, kGuardianSocket),
             huge_pages < 0
                 ? 0
                 : ::posix_spawn_file_actions_adddup2(&actions, huge_pages, kGuardianHugePages),
             ::posix_spawn_file_actions_addclosefrom_np(
                 &actions, huge_pages < 0 ? kGuardianHugePages : kGuardianHugePages + 1),
             ::posix_spawnattr_setsigdefault(&attributes, &all),
             ::posix_spawnattr_setsigmask(&attributes, &none),
             ::posix_spawnattr_setflags(
                 &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK),
         }) {
      if (code != 0) return code;
    }
    return ::posix_spawn(&pid, words.front().c_str(), &actions, &attributes, Pointers(words).data(),
                         Pointers(variables).data());
  };
  const int code = spawn();
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (code != 0) return Fail(operation, code, "it must be in the suite's folder");
  return pid;
}

// Receives a packet; returns nullopt if the other end is closed.
Result<std::optional<std::string>> Receive(int socket, const std::string& operation,
                                           Deadline deadline) {
  while (true) {
    pollfd readable = {.fd = socket, .events = POLLIN, .revents = 0};
    ZCRX_ASSIGN_OR_RETURN(const bool ready,
                          PollUntil(operation, std::span(&readable, 1), deadline));
    if (!ready) return FailExpired(operation);
    std::array<char, kLongestPacket> packet;
    const ssize_t size = ::recv(socket, packet.data(), packet.size(), MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno == ECONNRESET)) return std::nullopt;
    if (size > 0) return std::string(packet.data(), static_cast<size_t>(size));
    if (errno != EINTR && errno != EAGAIN) return FailErrno(operation);
    if (deadline.Expired()) return FailExpired(operation);
  }
}

// Returns what follows `word` if the packet begins with it.
std::optional<std::string> After(std::string_view word, const std::string& packet) {
  if (!packet.starts_with(word)) return std::nullopt;
  return packet.substr(word.size());
}

}  // namespace

Result<Guardian> Guardian::Start(const Options& options, const NicLock& lock, Deadline deadline) {
  const std::string operation = "start the guardian of " + options.interface;
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
    return FailErrno(operation);
  }
  Guardian guardian(options.interface, UniqueFd(pair[0]));
  UniqueFd its(pair[1]);
  ZCRX_ASSIGN_OR_RETURN(UniqueFd its_socket, Aside(its.Get()));
  ZCRX_ASSIGN_OR_RETURN(UniqueFd its_lock, Aside(lock.Fd()));
  UniqueFd its_huge_pages;
  if (const int pool = HugePagesLock::OfProcess().Fd(); pool >= 0) {
    ZCRX_ASSIGN_OR_RETURN(its_huge_pages, Aside(pool));
  }
  ZCRX_ASSIGN_OR_RETURN(const pid_t child,
                        Spawn({options.program, "guard", options.interface, options.state_folder},
                              its_lock.Get(), its_socket.Get(), its_huge_pages.Get()));
  PassKillPoint("while", "guardian_starts");
  // The guardian has its own copies; when the last one is closed, the guardian is gone.
  for (UniqueFd* const fd : {&its, &its_socket, &its_lock, &its_huge_pages}) fd->Reset();

  auto said = Receive(guardian.socket_.Get(), operation, deadline);
  if (const auto whose = said && *said ? After(guardian_says::kSplit, **said) : std::nullopt) {
    guardian.split_automatic_ = *whose == guardian_says::kAutomatic;
    said = Receive(guardian.socket_.Get(), operation, deadline);
  }
  // By now the child has forked the guardian and exited, or must not do so any more.
  if (!said) ::kill(child, SIGKILL);
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (!said) return std::unexpected(said.error());
  if (!*said) return Fail(operation, 0, options.program + " exited immediately");
  if (const auto why = After(guardian_says::kFailed, **said)) return Fail(operation, 0, *why);
  if (const auto pid = After(guardian_says::kReady, **said)) {
    guardian.name_ = fmt::format("the guardian of {} (process {})", options.interface, *pid);
    return guardian;
  }
  return Fail(operation, EBADMSG, **said);
}

Status Guardian::StillThere() {
  // The guardian sends nothing while it guards, so a readable socket means its end.
  pollfd readable = {.fd = socket_.Get(), .events = POLLIN, .revents = 0};
  if (::poll(&readable, 1, 0) == 0) return {};
  return Fail(name_ + " has exited", 0,
              fmt::format("if this run were killed now, nothing would put {} back", interface_));
}

Result<Guardian::Report> Guardian::Dismiss(Deadline deadline) {
  if (::shutdown(socket_.Get(), SHUT_WR) != 0) return FailErrno("dismiss " + name_);
  Report report;
  bool done = false;
  while (true) {
    ZCRX_ASSIGN_OR_RETURN(const std::optional<std::string> said,
                          Receive(socket_.Get(), "wait for the end of " + name_, deadline));
    if (!said) break;
    done |= *said == guardian_says::kDone;
    if (const auto difference = After(guardian_says::kDiffers, *said)) {
      report.differences.push_back(*difference);
    } else if (const auto why = After(guardian_says::kFailed, *said)) {
      report.errors.push_back({*why, 0, ""});
    }
  }
  if (!done) return Fail(name_ + " exited without an answer");
  return report;
}

}  // namespace zcrx
