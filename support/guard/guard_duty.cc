// The guardian process.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "support/base/privileges.h"
#include "support/guard/guardian.h"
#include "support/guard/recovery.h"
#include "support/nic/huge_pages.h"
#include "support/nic/nic.h"
#include "support/nic/state.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

// A killed process closes its descriptors a moment before it has exited.
constexpr auto kHasEnded = 1s;
constexpr size_t kMostWaiting = 256;  // others stay in the kernel's queue

// Messages to the run, and to the standard error that the run had. Never waits: neither a full pipe
// nor a stopped terminal may block the guardian.
class Voice {
 public:
  Voice(const UniqueFd& run, const std::string& interface) : run_(run), interface_(interface) {}

  void TellRun(std::string_view word, std::string_view text = {}) const {
    const std::string packet = std::string(word) + std::string(text);
    std::ignore = ::send(run_.Get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  void TellAll(std::string_view text) const {
    pollfd writable = {.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    if (::poll(&writable, 1, 0) != 1 || (writable.revents & POLLOUT) == 0) return;
    const std::string line = fmt::format("guardian of {}: {}\n", interface_, text);
    std::ignore = ::write(STDERR_FILENO, line.data(), line.size());
  }

 private:
  const UniqueFd& run_;
  const std::string& interface_;
};

// Processes that found the NIC in use and wait for its lock to hang up. Their connections are
// accepted, so that those that have given up do not fill the queue, whose length is limited.
class Waiting {
 public:
  explicit Waiting(int listener) : listener_(listener) {}

  void AddTo(std::vector<pollfd>& polled) const {
    const bool room = connections_.size() < kMostWaiting;
    polled.push_back({.fd = room ? listener_ : -1, .events = POLLIN, .revents = 0});
    for (const UniqueFd& one : connections_) {
      polled.push_back({.fd = one.Get(), .events = POLLRDHUP, .revents = 0});
    }
  }
  // `polled` begins with the entries of AddTo().
  void Follow(std::span<const pollfd> polled) {
    std::vector<UniqueFd> still;
    for (size_t i = 0; i < connections_.size(); ++i) {
      if (polled[i + 1].revents == 0) still.push_back(std::move(connections_[i]));
    }
    connections_ = std::move(still);
    if ((polled[0].revents & POLLIN) == 0) return;
    UniqueFd next(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (next.Valid()) connections_.push_back(std::move(next));
  }

 private:
  int listener_;
  std::vector<UniqueFd> connections_;
};

// Returns a socket option, -1 if the descriptor is not a socket.
int Option(int socket, int name) {
  int value = -1;
  socklen_t length = sizeof(value);
  return ::getsockopt(socket, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

// Ignores signals meant for the run, its terminal or its session. Signals of our own faults
// (SIGSEGV) are not ignored.
void IgnoreSignals() {
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM,
                           SIGTSTP, SIGTTIN, SIGTTOU, SIGXCPU}) {
    ::signal(signal, SIG_IGN);
  }
}

// Returns a pidfd of the process that created the socket.
UniqueFd PidfdOfRun(const UniqueFd& run) {
  ucred peer = {};
  socklen_t length = sizeof(peer);
  if (::getsockopt(run.Get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return {};
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0)));
}

// Waits for the end of the run's socket, or of its process in case another process has inherited
// the socket.
void WaitForEndOfRun(const UniqueFd& run, int lock) {
  const UniqueFd process = PidfdOfRun(run);
  Waiting waiting(lock);
  std::vector<pollfd> polled;
  while (true) {
    polled = {{.fd = run.Get(), .events = POLLIN | POLLRDHUP, .revents = 0},
              {.fd = process.Get(), .events = POLLIN, .revents = 0}};
    waiting.AddTo(polled);
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    if ((polled[0].revents & POLLHUP) != 0) {
      // Wait until the process is gone: its leftovers are recognised by their owner having exited.
      std::ignore = ::poll(&polled[1], 1, std::chrono::milliseconds(kHasEnded).count());
    }
    if (polled[0].revents != 0 || polled[1].revents != 0) return;
    waiting.Follow(std::span(polled).subspan(2));
  }
}

// Completes the found state by whether header split is the driver's own choice. Asking changes
// that, so it is done by the process that outlives the run; from then on the NIC is not as found.
Status LearnWhoseSplit(const Journals& journals, Nic& nic, Journal& journal) {
  if (journal.state.rings.tcp_data_split != TcpDataSplit::kEnabled) return {};
  const Result<bool> claimed = ClaimSplit(nic);
  // If header split cannot be configured (6.12), it was not configured by anyone, and is not sent
  // again.
  if (!claimed && claimed.error().code != ENOBUFS) return {};
  // If the answer was lost, assume the driver's choice, as in most cases.
  journal.state.split_automatic = claimed.value_or(true);
  return journals.Write(journal);
}

// Checks that everything needed for restoring the NIC is available.
Result<Journal> Prepare(const Journals& journals, const std::string& interface) {
  ZCRX_ASSIGN_OR_RETURN(const Capabilities mine, GetCapabilities());
  if (!mine.Has(CAP_NET_ADMIN)) return Fail("guard " + interface, EPERM, "it needs CAP_NET_ADMIN");
  ZCRX_ASSIGN_OR_RETURN(Journals::Leftover found, journals.Find(interface));
  if (!found.journal) return Fail("read " + journals.PathOf(interface), ENOENT);
  ZCRX_ASSIGN_OR_RETURN(Nic nic, Nic::Open(interface));
  ZCRX_RETURN_IF_ERROR(CheckSameNic(found.journal->state.nic, nic));
  ZCRX_RETURN_IF_ERROR(LearnWhoseSplit(journals, nic, *found.journal));
  return *std::move(found.journal);
}

void TellOutcome(const Voice& voice, const Recovery& recovery) {
  for (const std::string& difference : recovery.differences) {
    voice.TellRun(guardian_says::kDiffers, difference);
    voice.TellAll(recovery.errors.empty() ? "put back " + difference : difference);
  }
  for (const Error& error : recovery.errors) {
    voice.TellRun(guardian_says::kFailed, error.Text());
    voice.TellAll(error.Text());
  }
  voice.TellRun(guardian_says::kDone);
}

}  // namespace

int GuardNic(const std::string& interface, const std::string& state_folder) {
  if (Option(kGuardianLock, SO_ACCEPTCONN) != 1 ||
      Option(kGuardianSocket, SO_TYPE) != SOCK_SEQPACKET) {
    fmt::print(stderr, "guard: only the suite starts this, with its lock and a socket\n");
    return 2;
  }
  IgnoreSignals();
  if (::fcntl(kGuardianHugePages, F_SETFD, FD_CLOEXEC) == 0) {
    HugePagesLock::OfProcess() = HugePagesLock(UniqueFd(kGuardianHugePages));
  }
  // Detach from the run: programs that end a run also look for its children.
  if (const pid_t child = ::fork(); child != 0) ::_exit(child < 0 ? 1 : 0);
  const UniqueFd run(kGuardianSocket);
  const Voice voice(run, interface);
  const auto refuse = [&voice](const Error& error) {
    voice.TellRun(guardian_says::kFailed, error.Text());
    return 1;
  };
  if (::chdir("/") != 0) return refuse({"change to /", errno, ""});
  Result<StateFolder> folder = StateFolder::Open(state_folder);
  if (!folder) return refuse(folder.error());
  const Journals journals(*std::move(folder));
  const Result<Journal> journal = Prepare(journals, interface);
  if (!journal) return refuse(journal.error());
  if (const auto automatic = journal->state.split_automatic) {
    voice.TellRun(guardian_says::kSplit, *automatic ? guardian_says::kAutomatic : "");
  }
  voice.TellRun(guardian_says::kReady, std::to_string(::getpid()));

  UniqueFd lock(kGuardianLock);
  WaitForEndOfRun(run, lock.Get());
  // From now on the guardian is the holder of the lock.
  const Result<NicLock> held = NicLock::Inherit(std::move(lock));
  const Recovery recovery = PutBack(journals, *journal, Deadline::In(kPutBack));
  TellOutcome(voice, recovery);
  return held && recovery.errors.empty() ? 0 : 1;
}

}  // namespace zcrx
