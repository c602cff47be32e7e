// A logged-in libssh session. For use inside support/remote.
//
// Two threads use the session, the caller's and the keeper, which sends signs of life; libssh
// allows only one at a time. Calls that need the session locked run inside Bounded() or Await(),
// or Locked() if they do not wait; Get(), Connected() and Failed() are for use in there.
#pragma once

#include <libssh/libssh.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"
#include "support/base/wait.h"
#include "support/remote/connection_watchdog.h"
#include "support/remote/ssh_config.h"
#include "support/remote/ssh_peer.h"

namespace zcrx {

class SshSession {
 public:
  // As ConnectSshPeer() (ssh_peer.h).
  static Result<std::shared_ptr<SshSession>> Connect(const SshOptions& options);

  SshSession(const SshSession&) = delete;
  SshSession& operator=(const SshSession&) = delete;
  ~SshSession();

  [[nodiscard]] ssh_session Get() const { return session_.get(); }
  [[nodiscard]] const std::string& Name() const { return name_; }
  [[nodiscard]] bool Connected() const { return ssh_is_connected(session_.get()) != 0; }

  // Runs a libssh call that may wait. ETIMEDOUT or ECANCELED means that the connection is gone (see
  // ssh_peer.h), unless the deadline had already passed before the call.
  template <typename Call>
  auto Bounded(const std::string& operation, Deadline deadline, Call call)
      -> Result<decltype(call())> {
    if (deadline.Expired()) return FailExpired(operation);
    const std::lock_guard lock(mutex_);
    LimitLibssh(deadline);
    ConnectionWatchdog::Call watched(*watchdog_, {socket_.Get(), also_watched_}, deadline,
                                     LastAnswer());
    auto value = call();
    if (watched.Stop()) {
      return FailExpired(operation, "the peer does not answer; the connection was given up");
    }
    return value;
  }
  // As Bounded(), for calls that return SSH_OK or an error.
  template <typename Call>
  Status BoundedOk(const std::string& operation, Deadline deadline, Call call) {
    const auto judged = [&]() -> Status {
      if (call() != SSH_OK) return Failed(operation);
      return {};
    };
    ZCRX_ASSIGN_OR_RETURN(Status status, Bounded(operation, deadline, judged));
    return status;
  }

  // Runs a libssh login call, which returns SSH_AUTH_AGAIN instead of waiting, until it has an
  // answer. Returns SSH_AUTH_ERROR also if the connection ends, which libssh does not notice
  // (ssh_auth_response_termination(), src/auth.c).
  Result<int> Authenticate(const std::string& operation, Deadline deadline,
                           const std::function<int()>& call);

  // Receives, which runs the channels' callbacks, until `look` returns a value, and calls `look` at
  // least once. `look` returns a std::optional<T> and is called with the session locked. At the
  // deadline, `detail` is called for the error's detail; the connection stays as it is.
  template <typename Look, typename Detail>
  auto Await(const std::string& operation, Deadline deadline, Look look, Detail detail)
      -> Result<typename decltype(look())::value_type> {
    for (bool last_look = false;;) {
      {
        const std::lock_guard lock(mutex_);
        if (auto value = look()) return *std::move(value);
        if (last_look) return FailExpired(operation, detail());
      }
      last_look = deadline.Expired();
      ZCRX_RETURN_IF_ERROR(Receive(operation, deadline));
    }
  }

  // Calls `look` with the session locked: for any other access to what the lock guards.
  template <typename Look>
  auto Locked(Look look) {
    const std::lock_guard lock(mutex_);
    return look();
  }

  // Sends a byte on the channel every `period` from now on. Call with the session locked.
  void KeepAlive(ssh_channel channel, std::chrono::milliseconds period);
  void KeepAliveNoMore(ssh_channel channel);

  // While an instance exists, calls may also wait on this socket.
  class AlsoWatched {
   public:
    AlsoWatched(SshSession& session, int socket) : session_(session) {
      session_.also_watched_ = socket;
    }
    AlsoWatched(const AlsoWatched&) = delete;
    AlsoWatched& operator=(const AlsoWatched&) = delete;
    ~AlsoWatched() { session_.also_watched_ = -1; }

   private:
    SshSession& session_;
  };

  // Returns the error of the libssh call that has just failed. ECONNRESET: an established
  // connection was lost; errors of libssh before that have no code.
  [[nodiscard]] std::unexpected<Error> Failed(const std::string& operation) const;

 private:
  explicit SshSession(std::string name);
  Status Configure(const SshConfig& config);
  Status Handshake(const SshConfig& config, Deadline deadline);
  void LimitLibssh(Deadline deadline) const;
  // Returns how long a call may go on after an interruption. After the login the connection is
  // needed to undo things; before it there is nothing to undo.
  [[nodiscard]] std::chrono::milliseconds LastAnswer() const;
  // Waits until data has arrived, can be sent, or was received during the keeper's turn.
  Result<bool> PollSocket(const std::string& operation, Deadline deadline);
  // Receives once. Reaching the deadline is not an error.
  Status Receive(const std::string& operation, Deadline deadline);
  void SendSignsOfLife();
  void SendSignOfLife(ssh_channel channel);

  struct Free {
    void operator()(ssh_session session) const { ssh_free(session); }
    void operator()(ssh_event event) const { ssh_event_free(event); }
  };

  std::string name_;
  bool logged_in_ = false;
  int also_watched_ = -1;
  std::unique_ptr<ConnectionWatchdog> watchdog_;
  UniqueFd socket_;  // a duplicate of libssh's socket: stays valid if libssh closes its own
  std::unique_ptr<ssh_session_struct, Free> session_;
  std::unique_ptr<ssh_event_struct, Free> event_;  // destroyed before session_: it holds its socket
  // An eventfd. libssh receives while it sends: data that the caller polls for may already have
  // been received in the keeper's turn, and then nothing at the socket wakes the caller.
  UniqueFd keepers_turn_;

  std::mutex mutex_;  // guards the session, what its callbacks write, and all below
  struct KeptAlive {
    ssh_channel channel;
    std::chrono::milliseconds period;
    Deadline::Clock::time_point due;
  };
  std::condition_variable keepers_work_;  // notified of a new channel and of closing_
  bool closing_ = false;
  std::vector<KeptAlive> kept_alive_;
  std::thread keeper_;
};

}  // namespace zcrx
