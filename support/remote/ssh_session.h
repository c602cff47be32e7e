// One libssh session, logged in. Inside support/remote only.
#pragma once

#include <libssh/libssh.h>

#include <memory>
#include <string>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"
#include "support/remote/connection_watchdog.h"
#include "support/remote/ssh_peer.h"

namespace zcrx {

class SshSession {
 public:
  static Result<std::shared_ptr<SshSession>> Connect(const SshOptions& options, Deadline deadline);

  SshSession(const SshSession&) = delete;
  SshSession& operator=(const SshSession&) = delete;
  ~SshSession();

  [[nodiscard]] ssh_session Get() const { return session_.get(); }
  [[nodiscard]] const std::string& Name() const { return name_; }
  [[nodiscard]] bool Connected() const { return ssh_is_connected(session_.get()) != 0; }

  // Runs a libssh call that may wait. ETIMEDOUT: the connection is gone, see ssh_peer.h.
  template <typename Call>
  auto Bounded(const std::string& operation, Deadline deadline, Call call)
      -> Result<decltype(call())> {
    ConnectionWatchdog watchdog(socket_.Get(), deadline);
    auto value = call();
    if (watchdog.Stop()) {
      return Fail(operation, ETIMEDOUT, "the peer does not answer; the connection was given up");
    }
    return value;
  }
  // The same for calls that return SSH_OK or an error.
  template <typename Call>
  Status BoundedOk(const std::string& operation, Deadline deadline, Call call) {
    ZCRX_ASSIGN_OR_RETURN(const int code, Bounded(operation, deadline, call));
    if (code != SSH_OK) return Failed(operation);
    return {};
  }

  // Receives once: what has arrived goes to the channels' callbacks. Returns without an error when
  // the deadline passes; only the end of the connection is one.
  Status Receive(const std::string& operation, Deadline deadline);

  // The error of the libssh call that has just failed.
  [[nodiscard]] std::unexpected<Error> Failed(const std::string& operation) const;

 private:
  explicit SshSession(std::string name);
  Status Configure(const SshOptions& options);
  Status Handshake(Deadline deadline);
  Status Authenticate(const SshOptions& options, Deadline deadline);

  struct Free {
    void operator()(ssh_session session) const { ssh_free(session); }
    void operator()(ssh_event event) const { ssh_event_free(event); }
  };

  std::string name_;
  UniqueFd socket_;  // our own descriptor of libssh's socket: valid whatever libssh closes
  std::unique_ptr<ssh_session_struct, Free> session_;
  std::unique_ptr<ssh_event_struct, Free> event_;  // goes before session_: it holds its socket
};

}  // namespace zcrx
