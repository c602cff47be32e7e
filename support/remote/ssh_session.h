// One libssh session, logged in. Inside support/remote only.
//
// libssh takes one thread at a time in a session, and there are two: the caller's, and the keeper,
// which sends signs of life. So what needs the session locked runs inside Bounded() or Await();
// Get(), Connected() and Failed() are for there.
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

  // Runs a libssh call that may wait. ETIMEDOUT, ECANCELED: the connection is gone, see ssh_peer.h,
  // unless there was no time left to begin.
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
  // The same for calls that return SSH_OK or an error.
  template <typename Call>
  Status BoundedOk(const std::string& operation, Deadline deadline, Call call) {
    const auto judged = [&]() -> Status {
      if (call() != SSH_OK) return Failed(operation);
      return {};
    };
    ZCRX_ASSIGN_OR_RETURN(Status status, Bounded(operation, deadline, judged));
    return status;
  }

  // Runs a libssh call of the login, which returns SSH_AUTH_AGAIN instead of waiting, until it has
  // an answer; SSH_AUTH_ERROR also where the connection ends, which libssh would not notice
  // (ssh_auth_response_termination(), src/auth.c).
  Result<int> Authenticate(const std::string& operation, Deadline deadline,
                           const std::function<int()>& call);

  // Receives, so that what arrives goes to the channels' callbacks, until `look` (an
  // std::optional<T>(), called with the session locked) has a value; at least once. `detail` is
  // asked for what to say at the deadline, which leaves the connection as it is.
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

  // Whatever else reads what the callbacks write.
  template <typename Look>
  auto Locked(Look look) {
    const std::lock_guard lock(mutex_);
    return look();
  }

  // Inside Bounded(): sends a byte on the channel every `period` from now on.
  void KeepAlive(ssh_channel channel, std::chrono::milliseconds period);
  void KeepAliveNoMore(ssh_channel channel);

  // While one is there, calls may wait on this socket too.
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

  // The error of the libssh call that has just failed. ECONNRESET: a connection that was there has
  // gone; what libssh refuses before has no code.
  [[nodiscard]] std::unexpected<Error> Failed(const std::string& operation) const;

 private:
  explicit SshSession(std::string name);
  Status Configure(const SshConfig& config);
  Status Handshake(const SshConfig& config, Deadline deadline);
  void LimitLibssh(Deadline deadline) const;
  // How long a call may go on after an interruption. Without its connection there would be nothing
  // to undo by; before the login there is nothing to undo.
  [[nodiscard]] std::chrono::milliseconds LastAnswer() const;
  // Until something has come, can be sent, or was received with the keeper's turn.
  Result<bool> PollSocket(const std::string& operation, Deadline deadline);
  // Once. Returns without an error when the deadline passes.
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
  UniqueFd socket_;  // our own descriptor of libssh's socket: valid whatever libssh closes
  std::unique_ptr<ssh_session_struct, Free> session_;
  std::unique_ptr<ssh_event_struct, Free> event_;  // goes before session_: it holds its socket
  // An eventfd. libssh receives while it sends: what the caller waits for at the socket may have
  // come with the keeper's turn, and then nothing is left there to wake it.
  UniqueFd keepers_turn_;

  std::mutex mutex_;  // of the session and what its callbacks write, and of all that follows
  struct KeptAlive {
    ssh_channel channel;
    std::chrono::milliseconds period;
    Deadline::Clock::time_point due;
  };
  std::condition_variable keepers_work_;  // is another
  bool closing_ = false;
  std::vector<KeptAlive> kept_alive_;
  std::thread keeper_;
};

}  // namespace zcrx
