#include "support/remote/ssh_session.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "support/remote/host_key.h"
#include "support/remote/peer.h"
#include "support/remote/ssh_login.h"
#include "support/remote/tcp_connect.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr auto kLastAnswer = 2s;  // after an interruption
constexpr auto kLogin = 15s;      // takes two to three seconds under emulation

// Escapes % because libssh expands %h and the like in commands, and they are already expanded.
std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '%' ? "%%" : std::string(1, c);
  return escaped;
}

}  // namespace

SshSession::SshSession(std::string name) : name_(std::move(name)), session_(ssh_new()) {}

SshSession::~SshSession() {
  Locked([this] { closing_ = true; });
  keepers_work_.notify_one();
  if (keeper_.joinable()) keeper_.join();
  // No ssh_disconnect(): it forgets the descriptor, and the connection would stay open.
}

std::unexpected<Error> SshSession::Failed(const std::string& operation) const {
  return Fail(operation, logged_in_ && !Connected() ? ECONNRESET : 0, ssh_get_error(Get()));
}

// Sets libssh's own timeout. The watchdog ends waits for the peer; this limit ends libssh's waits
// once the connection is gone.
void SshSession::LimitLibssh(Deadline deadline) const {
  const long seconds = deadline.RemainingMs() / 1000 + 1;
  (void)ssh_options_set(Get(), SSH_OPTIONS_TIMEOUT, &seconds);
}

std::chrono::milliseconds SshSession::LastAnswer() const { return logged_in_ ? kLastAnswer : 0ms; }

Result<std::shared_ptr<SshSession>> SshSession::Connect(const SshOptions& options) {
  const auto begin = Deadline::Clock::now();
  auto limit = options.timeout.value_or(Deadline::Stretched(kLogin));
  const auto deadline = [&] { return Deadline::Exactly(begin + limit - Deadline::Clock::now()); };
  ZCRX_ASSIGN_OR_RETURN(const SshConfig config, ReadSshConfig(options, deadline()));
  if (!options.timeout && config.connect_timeout) limit = *config.connect_timeout;

  std::shared_ptr<SshSession> session(new SshSession(ToString(options.target)));
  if (session->session_ == nullptr) return Fail("create an SSH session", ENOMEM);
  session->keepers_turn_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!session->keepers_turn_.Valid()) return FailErrno("make an eventfd");
  ZCRX_ASSIGN_OR_RETURN(session->watchdog_, ConnectionWatchdog::Start());
  ZCRX_RETURN_IF_ERROR(session->Configure(config));
  ZCRX_RETURN_IF_ERROR(session->Handshake(config, deadline()));
  ZCRX_RETURN_IF_ERROR(CheckHostKey(session->Get(), config));
  ZCRX_RETURN_IF_ERROR(LogIn(*session, config, options.identity, deadline()));
  session->logged_in_ = true;
  session->event_.reset(ssh_event_new());
  if (ssh_event_add_session(session->event_.get(), session->Get()) != SSH_OK) {
    return Fail("wait on the SSH session", ENOMEM);
  }
  return session;
}

Status SshSession::Configure(const SshConfig& config) {
  const auto set = [this](ssh_options_e option, const void* value) {
    return ssh_options_set(Get(), option, value) == SSH_OK;
  };
  const auto set_text = [&](ssh_options_e option, const std::string& text) {
    return text.empty() || set(option, text.c_str());
  };
  const bool no_files = false;
  const int port = config.port;
  // libssh accepts fewer host names than others do and needs none: this class connects and checks
  // known_hosts itself.
  if (!set(SSH_OPTIONS_HOST, "peer") || !set(SSH_OPTIONS_PROCESS_CONFIG, &no_files) ||
      !set(SSH_OPTIONS_KNOWNHOSTS, "/dev/null") ||
      !set(SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") || !set(SSH_OPTIONS_PORT, &port) ||
      !set_text(SSH_OPTIONS_USER, config.user) ||
      !set_text(SSH_OPTIONS_PROXYCOMMAND, Escaped(config.proxy_command)) ||
      !set_text(SSH_OPTIONS_CIPHERS_C_S, config.ciphers) ||
      !set_text(SSH_OPTIONS_CIPHERS_S_C, config.ciphers) ||
      !set_text(SSH_OPTIONS_HMAC_C_S, config.macs) ||
      !set_text(SSH_OPTIONS_HMAC_S_C, config.macs) ||
      !set_text(SSH_OPTIONS_KEY_EXCHANGE, config.key_exchange) ||
      !set_text(SSH_OPTIONS_HOSTKEYS, HostKeyAlgorithms(config)) ||
      !set_text(SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, config.accepted_algorithms) ||
      !set_text(SSH_OPTIONS_COMPRESSION, config.compression)) {
    return Failed("set up SSH to " + name_);
  }
  return {};
}

Status SshSession::Handshake(const SshConfig& config, Deadline deadline) {
  const std::string operation = "open an SSH connection to " + name_;
  if (!config.proxy_command.empty()) {
    // libssh starts the command itself; in non-blocking mode it returns as soon as that is done.
    ssh_set_blocking(Get(), 0);
    const int code = ssh_connect(Get());
    ssh_set_blocking(Get(), 1);
    if (code == SSH_ERROR) return Failed(operation);
    socket_.Reset(::fcntl(ssh_get_fd(Get()), F_DUPFD_CLOEXEC, 0));
  } else {
    ZCRX_ASSIGN_OR_RETURN(UniqueFd fd, TcpConnect(config.host, config.port, deadline));
    const socket_t handed_over = fd.Get();
    if (ssh_options_set(Get(), SSH_OPTIONS_FD, &handed_over) != SSH_OK) return Failed(operation);
    // From ssh_connect() on libssh owns the descriptor; this is a duplicate.
    socket_.Reset(::fcntl(handed_over, F_DUPFD_CLOEXEC, 0));
    (void)fd.Release();
  }
  if (!socket_.Valid()) return FailErrno(operation);
  return BoundedOk(operation, deadline, [this] { return ssh_connect(Get()); });
}

Result<int> SshSession::Authenticate(const std::string& operation, Deadline deadline,
                                     const std::function<int()>& call) {
  while (true) {
    ZCRX_ASSIGN_OR_RETURN(const int code, Bounded(operation, deadline, [&] {
                            ssh_set_blocking(Get(), 0);
                            const int result = call();
                            ssh_set_blocking(Get(), 1);
                            return Connected() ? result : SSH_AUTH_ERROR;
                          }));
    if (code != SSH_AUTH_AGAIN) return code;
    ZCRX_ASSIGN_OR_RETURN(const bool in_time, PollSocket(operation, deadline));
    if (!in_time) return FailExpired(operation, "the peer does not answer");
  }
}

Result<bool> SshSession::PollSocket(const std::string& operation, Deadline deadline) {
  std::array<pollfd, 2> waits = {{{.fd = socket_.Get(), .events = POLLIN, .revents = 0},
                                  {.fd = keepers_turn_.Get(), .events = POLLIN, .revents = 0}}};
  if (Locked([this] { return ssh_get_poll_flags(Get()) & SSH_WRITE_PENDING; }) != 0) {
    waits[0].events |= POLLOUT;
  }
  ZCRX_ASSIGN_OR_RETURN(const bool in_time, PollUntil(operation, waits, deadline));
  eventfd_t turns = 0;
  (void)::eventfd_read(keepers_turn_.Get(), &turns);
  return in_time;
}

Status SshSession::Receive(const std::string& operation, Deadline deadline) {
  // Wait outside libssh, which would hold the session and does not notice interruptions.
  ZCRX_RETURN_IF_ERROR(PollSocket(operation, deadline));
  const std::lock_guard lock(mutex_);
  const int code = ssh_event_dopoll(event_.get(), 0);
  if (code == SSH_ERROR || !Connected()) {
    return Fail(operation, ECONNRESET,
                fmt::format("the SSH connection to {} ended: {}", name_, ssh_get_error(Get())));
  }
  return {};
}

void SshSession::KeepAlive(ssh_channel channel, std::chrono::milliseconds period) {
  kept_alive_.push_back(
      {.channel = channel, .period = period, .due = Deadline::Clock::now() + period});
  if (!keeper_.joinable()) keeper_ = std::thread([this] { SendSignsOfLife(); });
  keepers_work_.notify_one();
}

void SshSession::KeepAliveNoMore(ssh_channel channel) {
  std::erase_if(kept_alive_, [&](const KeptAlive& one) { return one.channel == channel; });
}

void SshSession::SendSignsOfLife() {
  std::unique_lock lock(mutex_);
  while (!closing_) {
    const auto next = std::ranges::min_element(kept_alive_, {}, &KeptAlive::due);
    if (next == kept_alive_.end()) {
      keepers_work_.wait(lock);
      continue;
    }
    const auto due = next->due;
    if (keepers_work_.wait_until(lock, due) == std::cv_status::no_timeout) continue;
    // Send some a little early rather than waking up for each channel.
    const auto now = Deadline::Clock::now();
    for (KeptAlive& one : kept_alive_) {
      if (one.due - now > one.period / 4) continue;
      SendSignOfLife(one.channel);
      one.due = now + one.period;
    }
    (void)::eventfd_write(keepers_turn_.Get(), 1);
  }
}

// libssh waits until everything is written, and for room in the channel's window. If that is not
// possible at once, the link is down and one more byte changes nothing.
void SshSession::SendSignOfLife(ssh_channel channel) {
  pollfd writable{.fd = socket_.Get(), .events = POLLOUT, .revents = 0};
  if (!Connected() || ssh_channel_is_closed(channel) != 0 ||
      ssh_channel_window_size(channel) == 0 || ::poll(&writable, 1, 0) != 1 ||
      writable.revents != POLLOUT) {
    return;
  }
  (void)ssh_channel_write(channel, "\n", 1);
}

}  // namespace zcrx
