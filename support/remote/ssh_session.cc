#include "support/remote/ssh_session.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <tuple>

#include "support/remote/host_key.h"
#include "support/remote/peer.h"
#include "support/remote/tcp_connect.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr auto kGoodbye = 2s;                // for the last words of a connection, in destructors
constexpr long kLibsshTimeout = 24L * 3600;  // seconds; the watchdog ends calls, not libssh

// libssh reads "host" as [user@]host[:port]: an IPv6 address needs its brackets there.
std::string HostOption(const SshTarget& target) {
  return target.host.contains(':') ? '[' + target.host + ']' : target.host;
}

// libssh puts things into a path in the place of %h and so on (ssh_options_set(), src/options.c).
std::string PathOption(const std::string& path) {
  std::string escaped;
  for (const char c : path) escaped += c == '%' ? "%%" : std::string(1, c);
  return escaped;
}

std::string Option(ssh_session session, ssh_options_e option) {
  char* value = nullptr;
  if (ssh_options_get(session, option, &value) != SSH_OK) return {};
  std::string text = value;
  ssh_string_free_char(value);
  return text;
}

}  // namespace

SshSession::SshSession(std::string name) : name_(std::move(name)), session_(ssh_new()) {}

SshSession::~SshSession() {
  Locked([this] { closing_ = true; });
  closing_changed_.notify_one();
  if (keeper_.joinable()) keeper_.join();
  if (session_ == nullptr || !Connected()) return;
  const Uninterrupted undoing;
  std::ignore = Bounded("disconnect", Deadline::In(kGoodbye), [this] {
    ssh_disconnect(Get());
    return SSH_OK;
  });
}

std::unexpected<Error> SshSession::Failed(const std::string& operation) const {
  return Fail(operation, Connected() ? 0 : ECONNRESET, ssh_get_error(Get()));
}

Result<std::shared_ptr<SshSession>> SshSession::Connect(const SshOptions& options,
                                                        Deadline deadline) {
  std::shared_ptr<SshSession> session(new SshSession(ToString(options.target)));
  if (session->session_ == nullptr) return Fail("create an SSH session", ENOMEM);
  session->keepers_turn_.Reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!session->keepers_turn_.Valid()) return FailErrno("make an eventfd");
  ZCRX_RETURN_IF_ERROR(session->Configure(options));
  ZCRX_RETURN_IF_ERROR(session->Handshake(deadline));
  ZCRX_RETURN_IF_ERROR(CheckHostKey(session->Get()));
  ZCRX_RETURN_IF_ERROR(session->Authenticate(options, deadline));
  session->event_.reset(ssh_event_new());
  if (ssh_event_add_session(session->event_.get(), session->Get()) != SSH_OK) {
    return Fail("wait on the SSH session", ENOMEM);
  }
  return session;
}

Status SshSession::Configure(const SshOptions& options) {
  const std::string operation = "set up SSH to " + name_;
  const auto set = [this](ssh_options_e option, const void* value) {
    return ssh_options_set(Get(), option, value) == SSH_OK;
  };
  // First the host, by which the files are read; what was asked for explicitly afterwards, because
  // the files overwrite what they find.
  if (!set(SSH_OPTIONS_HOST, HostOption(options.target).c_str())) return Failed(operation);
  if (ssh_options_parse_config(Get(), options.config.empty() ? nullptr : options.config.c_str()) !=
      SSH_OK) {
    const std::string file = options.config.empty() ? "~/.ssh/config" : options.config;
    return Fail(operation, 0, fmt::format("cannot read {}: {}", file, ssh_get_error(Get())));
  }
  const int strict = 1;
  const int port = options.target.port;
  const std::string& user = options.target.user;
  if (!set(SSH_OPTIONS_TIMEOUT, &kLibsshTimeout) ||
      // With "no" libssh would let even a changed key pass (src/knownhosts.c).
      !set(SSH_OPTIONS_STRICTHOSTKEYCHECK, &strict) ||
      (!user.empty() && !set(SSH_OPTIONS_USER, user.c_str())) ||
      (port != 0 && !set(SSH_OPTIONS_PORT, &port)) ||
      (!options.known_hosts.empty() &&
       !set(SSH_OPTIONS_KNOWNHOSTS, PathOption(options.known_hosts).c_str()))) {
    return Failed(operation);
  }
  return {};
}

Status SshSession::Handshake(Deadline deadline) {
  const std::string operation = "open an SSH connection to " + name_;
  if (const std::string proxy = Option(Get(), SSH_OPTIONS_PROXYCOMMAND); !proxy.empty()) {
    // libssh starts the command itself; asked not to wait, it returns as soon as that is done.
    ssh_set_blocking(Get(), 0);
    const int code = ssh_connect(Get());
    ssh_set_blocking(Get(), 1);
    if (code == SSH_ERROR) return Failed(operation);
  } else {
    unsigned port = 22;
    (void)ssh_options_get_port(Get(), &port);
    ZCRX_ASSIGN_OR_RETURN(UniqueFd fd, TcpConnect(Option(Get(), SSH_OPTIONS_HOST),
                                                  static_cast<uint16_t>(port), deadline));
    const socket_t handed_over = fd.Get();
    if (ssh_options_set(Get(), SSH_OPTIONS_FD, &handed_over) != SSH_OK) return Failed(operation);
    // From its ssh_connect() on the descriptor is libssh's; ours is a second one.
    socket_.Reset(::fcntl(handed_over, F_DUPFD_CLOEXEC, 0));
    (void)fd.Release();
  }
  if (!socket_.Valid()) socket_.Reset(::fcntl(ssh_get_fd(Get()), F_DUPFD_CLOEXEC, 0));
  if (!socket_.Valid()) return FailErrno(operation);
  return BoundedOk(operation, deadline, [this] { return ssh_connect(Get()); });
}

Status SshSession::Authenticate(const SshOptions& options, Deadline deadline) {
  const std::string operation = "log in to " + name_;
  ZCRX_ASSIGN_OR_RETURN(
      int code, Bounded(operation, deadline, [this] { return ssh_userauth_none(Get(), nullptr); }));
  if (code == SSH_AUTH_SUCCESS) return {};
  if (code == SSH_AUTH_ERROR) return Failed(operation);
  if ((ssh_userauth_list(Get(), nullptr) & static_cast<int>(SSH_AUTH_METHOD_PUBLICKEY)) == 0) {
    return Fail(operation, EACCES, "its sshd takes no keys, and this program has no password");
  }

  if (options.identity.empty()) {
    ZCRX_ASSIGN_OR_RETURN(code, Bounded(operation, deadline, [this] {
                            return ssh_userauth_publickey_auto(Get(), nullptr, nullptr);
                          }));
  } else {
    ssh_key key = nullptr;
    if (ssh_pki_import_privkey_file(options.identity.c_str(), nullptr, nullptr, nullptr, &key) !=
        SSH_OK) {
      return Fail(operation, EACCES,
                  fmt::format("{} is no readable private key without a passphrase (a key with one "
                              "works through ssh-agent)",
                              options.identity));
    }
    const std::unique_ptr<ssh_key_struct, decltype(&ssh_key_free)> owner(key, &ssh_key_free);
    ZCRX_ASSIGN_OR_RETURN(code, Bounded(operation, deadline, [this, key] {
                            return ssh_userauth_publickey(Get(), nullptr, key);
                          }));
  }
  if (code == SSH_AUTH_SUCCESS) return {};
  if (!Connected()) return Failed(operation);
  if (code == SSH_AUTH_PARTIAL) {
    return Fail(operation, EACCES, "it took the key and asks for more; only keys are supported");
  }
  return Fail(
      operation, EACCES,
      fmt::format("it accepted no key ({}); add the public key to the peer's "
                  "~/.ssh/authorized_keys",
                  options.identity.empty() ? "tried: ssh-agent, ~/.ssh" : options.identity));
}

Status SshSession::Receive(const std::string& operation, Deadline deadline) {
  // Outside of libssh, which would have the session to itself, and hears no interruption.
  std::array<pollfd, 2> waits = {{{.fd = socket_.Get(), .events = POLLIN, .revents = 0},
                                  {.fd = keepers_turn_.Get(), .events = POLLIN, .revents = 0}}};
  if (Locked([this] { return ssh_get_poll_flags(Get()) & SSH_WRITE_PENDING; }) != 0) {
    waits[0].events |= POLLOUT;
  }
  ZCRX_RETURN_IF_ERROR(PollUntil(operation, waits, deadline));
  eventfd_t turns = 0;
  (void)::eventfd_read(keepers_turn_.Get(), &turns);
  const std::lock_guard lock(mutex_);
  const int code = ssh_event_dopoll(event_.get(), 0);
  if (code == SSH_ERROR || !Connected()) {
    return Fail(operation, ECONNRESET,
                fmt::format("the SSH connection to {} ended: {}", name_, ssh_get_error(Get())));
  }
  return {};
}

void SshSession::KeepAlive(ssh_channel channel) {
  kept_alive_.push_back(channel);
  if (!keeper_.joinable()) keeper_ = std::thread([this] { SendSignsOfLife(); });
}

void SshSession::KeepAliveNoMore(ssh_channel channel) { std::erase(kept_alive_, channel); }

void SshSession::SendSignsOfLife() {
  std::unique_lock lock(mutex_);
  while (!closing_changed_.wait_for(lock, kSignOfLife, [this] { return closing_; })) {
    for (ssh_channel channel : kept_alive_) {
      // libssh waits until all is written, and for room in the channel's window. Where that is not
      // at once, the link is down, and a byte more would change nothing.
      pollfd writable{.fd = socket_.Get(), .events = POLLOUT, .revents = 0};
      if (!Connected() || ssh_channel_is_closed(channel) != 0 ||
          ssh_channel_window_size(channel) == 0 || ::poll(&writable, 1, 0) != 1 ||
          writable.revents != POLLOUT) {
        continue;
      }
      (void)ssh_channel_write(channel, "\n", 1);
    }
    (void)::eventfd_write(keepers_turn_.Get(), 1);
  }
}

}  // namespace zcrx
