// The guardian's own process.
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
#include "support/nic/nic.h"
#include "support/nic/state.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

// Providers leave within seconds of a process that was killed; a driver may take seconds for each
// setting.
constexpr auto kPutBack = 60s;
// A process that is killed closes its descriptors a moment before it has ended.
constexpr auto kHasEnded = 1s;
constexpr size_t kMostWaiting = 256;  // the others stay in the kernel's queue

// To the run, and to whoever sees the standard error that the run had. Neither may hold us up: a
// pipe that is full or a terminal that is stopped is not waited for.
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

// Those who found the NIC taken, and wait for its lock to hang up. They are accepted, so that those
// who gave up leave the queue, which is of limited length.
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
  // `polled` begins with what AddTo() has added.
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

// -1: it is no socket.
int Option(int socket, int name) {
  int value = -1;
  socklen_t length = sizeof(value);
  return ::getsockopt(socket, SOL_SOCKET, name, &value, &length) == 0 ? value : -1;
}

// Whatever is meant for the run, its terminal or its session is not meant for us. What a fault of
// ours brings about (SIGSEGV) stays.
void IgnoreSignals() {
  for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM,
                           SIGTSTP, SIGTTIN, SIGTTOU, SIGXCPU}) {
    ::signal(signal, SIG_IGN);
  }
}

// The process that made the socket.
UniqueFd PidfdOfRun(const UniqueFd& run) {
  ucred peer = {};
  socklen_t length = sizeof(peer);
  if (::getsockopt(run.Get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return {};
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0)));
}

// By its socket, or by its process, should another one have inherited the socket.
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
      // What is left of it is told from what it has by whether it still is.
      std::ignore = ::poll(&polled[1], 1, std::chrono::milliseconds(kHasEnded).count());
    }
    if (polled[0].revents != 0 || polled[1].revents != 0) return;
    waiting.Follow(std::span(polled).subspan(2));
  }
}

// The found state lacks whose choice header split was, and asking changes it: so that is done by
// the process that outlives the run, and from here on the NIC is no longer as found.
Status LearnWhoseSplit(const Journals& journals, Nic& nic, Journal& journal) {
  if (journal.state.rings.tcp_data_split != TcpDataSplit::kEnabled) return {};
  const Result<bool> claimed = ClaimSplit(nic);
  // What nobody can configure (6.12) is nobody's, and not to be sent again.
  if (!claimed && claimed.error().code != ENOBUFS) return {};
  // Unheard, it may have been the driver's, as it mostly is.
  journal.state.split_automatic = claimed.value_or(true);
  return journals.Write(journal);
}

// All that it takes to put the NIC back is there.
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
  // A child of the run is looked for by those who end a run and all that it has started.
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
  // From here on the NIC is in use by us.
  const Result<NicLock> held = NicLock::Inherit(std::move(lock));
  const Recovery recovery = PutBack(journals, *journal, Deadline::In(kPutBack));
  TellOutcome(voice, recovery);
  return held && recovery.errors.empty() ? 0 : 1;
}

}  // namespace zcrx
