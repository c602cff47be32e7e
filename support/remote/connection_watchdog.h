// Shuts a connection down when a call on it exceeds its deadline.
//
// libssh 0.10 has calls that no timeout limits: its SFTP functions read in a loop until the server
// answers (src/sftp.c, sftp_packet_read), and others restart their timeout at each packet. All of
// them return when the connection ends, so the watchdog ends it, and with it any other socket they
// may wait on.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

class ConnectionWatchdog {
 public:
  // Starts the thread, which sleeps until the deadline of a call or an interruption.
  static Result<std::unique_ptr<ConnectionWatchdog>> Start();
  ConnectionWatchdog(const ConnectionWatchdog&) = delete;
  ConnectionWatchdog& operator=(const ConnectionWatchdog&) = delete;
  ~ConnectionWatchdog();

  using Sockets = std::array<int, 2>;

  // Watches a call of the calling thread. Only one at a time.
  class Call {
   public:
    // Shuts down the sockets (-1: none) at the deadline unless destroyed before. They must stay
    // open until then. After an interruption of the run the call still has `last_answer` to get its
    // answer.
    Call(ConnectionWatchdog& watchdog, Sockets sockets, Deadline deadline,
         std::chrono::milliseconds last_answer);
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() { (void)Stop(); }

    // Stops watching. Returns whether the sockets were already shut down.
    [[nodiscard]] bool Stop();

   private:
    ConnectionWatchdog& watchdog_;
  };

 private:
  using Clock = Deadline::Clock;
  struct Watched {
    Sockets sockets;
    Deadline deadline;
    std::chrono::milliseconds last_answer;
    bool undoing;
    bool fired = false;
    [[nodiscard]] Clock::time_point End() const;
  };

  ConnectionWatchdog() = default;
  void Run();
  // Ends the call if it is due. Returns how long to sleep; nullopt: the thread must exit.
  std::optional<Clock::duration> Look();

  UniqueFd wake_;  // an eventfd
  std::mutex mutex_;
  std::optional<Watched> watched_;
  Clock::time_point sleeps_until_ = Clock::time_point::min();
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace zcrx
