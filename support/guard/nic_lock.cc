#include "support/guard/nic_lock.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <tuple>
#include <utility>

#include "support/base/deadline.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kPrefix = "zcrx-hwtest/nic/";
// The limit is net.core.somaxconn; nobody has to accept the connections.
constexpr int kMostWaiting = 4096;
// Pause between tries: the last holder's socket may still be closing, a bound one may not listen
// yet, and a holder that hangs up on everyone must not cause a busy loop.
constexpr Deadline::Clock::duration kPause = 5ms;
// Time to learn the holder of a lock that was taken a moment ago.
constexpr Deadline::Clock::duration kHolderListens = 500ms;
constexpr size_t kLongestCommand = 160;

struct Address {
  sockaddr_un address = {};
  socklen_t length = 0;

  explicit Address(const std::string& interface) {
    address.sun_family = AF_UNIX;
    // A leading NUL makes the address abstract; the name ends at the given length.
    const std::string name = std::string(kPrefix) + interface;
    const size_t size = std::min(name.size(), sizeof(address.sun_path) - 1);
    std::memcpy(address.sun_path + 1, name.data(), size);
    length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + size);
  }
  [[nodiscard]] const sockaddr* Get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

Result<UniqueFd> NewSocket(const std::string& operation) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.Valid()) return FailErrno(operation);
  return fd;
}

// Fails with EADDRINUSE if the lock is taken.
Result<UniqueFd> Bind(const Address& address, const std::string& operation) {
  ZCRX_ASSIGN_OR_RETURN(UniqueFd fd, NewSocket(operation));
  if (::bind(fd.Get(), address.Get(), address.length) != 0) return FailErrno(operation);
  if (::listen(fd.Get(), kMostWaiting) != 0) return FailErrno(operation);
  return fd;
}

// Fails with ECONNREFUSED if no process listens (any more, or yet), with EAGAIN if too many already
// wait.
Result<UniqueFd> Connect(const Address& address, const std::string& operation) {
  ZCRX_ASSIGN_OR_RETURN(UniqueFd fd, NewSocket(operation));
  if (::connect(fd.Get(), address.Get(), address.length) != 0) return FailErrno(operation);
  return fd;
}

std::string HolderText(const UniqueFd& connection) {
  ucred holder = {};
  socklen_t length = sizeof(holder);
  if (::getsockopt(connection.Get(), SOL_SOCKET, SO_PEERCRED, &holder, &length) != 0 ||
      holder.pid == 0) {
    return "a process of another PID namespace";
  }
  return ProcessText(holder.pid);
}

void Pause(Deadline::Clock::duration span, Deadline deadline) {
  const timespec left = Deadline::Exactly(span).Earlier(deadline).RemainingTimespec();
  std::ignore = ::ppoll(nullptr, 0, &left, nullptr);
}

// Waits until the connection hangs up: its last holder has closed it.
void WaitForHangUp(const UniqueFd& connection, Deadline deadline) {
  pollfd hang_up = {.fd = connection.Get(), .events = POLLRDHUP, .revents = 0};
  const timespec left = deadline.RemainingTimespec();
  std::ignore = ::ppoll(&hang_up, 1, &left, nullptr);
}

std::string ReadFile(const std::string& path, size_t most) {
  std::ifstream file(path, std::ios::binary);
  std::string text(most, '\0');
  file.read(text.data(), static_cast<std::streamsize>(most));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

// Returns the seconds since the process started: 22nd field of /proc/PID/stat, in clock ticks since
// boot (proc(5)).
std::optional<long long> SecondsOld(const std::string& folder) {
  constexpr int kFieldsBefore = 19;  // from the state, the 3rd, on: a name can contain anything
  const std::string stat = ReadFile(folder + "/stat", 4096);
  const size_t name_end = stat.rfind(") ");
  if (name_end == stat.npos) return std::nullopt;
  std::istringstream fields(stat.substr(name_end + 2));
  std::string skipped;
  for (int i = 0; i < kFieldsBefore; ++i) fields >> skipped;
  double started = 0;
  double uptime = 0;
  if (!(fields >> started) || !(std::ifstream("/proc/uptime") >> uptime)) return std::nullopt;
  return static_cast<long long>(
      std::max(0.0, uptime - started / static_cast<double>(::sysconf(_SC_CLK_TCK))));
}

}  // namespace

std::string ProcessText(pid_t pid) {
  const std::string folder = fmt::format("/proc/{}", pid);
  std::string command = ReadFile(folder + "/cmdline", kLongestCommand);
  while (command.ends_with('\0')) command.pop_back();
  // Arguments may contain anything; keep them on one line.
  std::ranges::replace_if(command, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  std::string text = fmt::format("process {}", pid);
  if (!command.empty()) text += fmt::format(" ({})", command);
  if (const auto age = SecondsOld(folder)) text += fmt::format(", started {} s ago", *age);
  return text;
}

Result<NicLock> NicLock::Take(const std::string& interface, std::chrono::seconds wait) {
  const std::string operation = "lock " + interface;
  const Address address(interface);
  const Deadline deadline = Deadline::Exactly(wait);
  const Deadline told = Deadline::Exactly(wait + kHolderListens);
  std::string holder = "an unidentified process";
  while (true) {
    const bool last_try = deadline.Expired();
    Result<UniqueFd> listener = Bind(address, operation);
    if (listener) return NicLock(*std::move(listener));
    if (listener.error().code != EADDRINUSE) return std::unexpected(std::move(listener).error());

    const Result<UniqueFd> connection = Connect(address, operation);
    if (connection) {
      holder = HolderText(*connection);
      if (last_try) break;
      WaitForHangUp(*connection, deadline);
    } else if (connection.error().code == EAGAIN) {
      holder = "a process that already has too many waiters";
    } else if (connection.error().code != ECONNREFUSED) {
      return std::unexpected(connection.error());
    }
    if (last_try && told.Expired()) break;
    Pause(kPause, told);
  }
  return Fail(fmt::format("{} is in use by {}", interface, holder), 0,
              wait == 0s ? "wait for it with --wait=SECONDS"
                         : fmt::format("waited {} s for it", wait.count()));
}

Result<NicLock> NicLock::Inherit(UniqueFd listener) {
  // listen(2) again makes SO_PEERCRED name this process (unix_listen() in net/unix/af_unix.c).
  if (::listen(listener.Get(), kMostWaiting) != 0) return FailErrno("inherit the lock of a NIC");
  return NicLock(std::move(listener));
}

}  // namespace zcrx
