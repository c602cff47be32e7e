// Takes a connection down when a call on it outlives its deadline.
//
// libssh 0.10 has calls that no time limit reaches: its SFTP functions read in a loop until the
// server answers (src/sftp.c, sftp_packet_read), and others count their limit anew at each packet.
// What ends all of them is the end of the connection, so that is what the watchdog brings about,
// and the end of whatever else they may wait on.
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
  // Starts its thread, which sleeps until the deadline of a call, or an interruption.
  static Result<std::unique_ptr<ConnectionWatchdog>> Start();
  ConnectionWatchdog(const ConnectionWatchdog&) = delete;
  ConnectionWatchdog& operator=(const ConnectionWatchdog&) = delete;
  ~ConnectionWatchdog();

  using Sockets = std::array<int, 2>;

  // Watches a call of the calling thread; one at a time.
  class Call {
   public:
    // Shuts the sockets down (-1: none) at the deadline unless destroyed before; they stay open
    // that long. An interruption of the run leaves the call `last_answer` to get its answer.
    Call(ConnectionWatchdog& watchdog, Sockets sockets, Deadline deadline,
         std::chrono::milliseconds last_answer);
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    ~Call() { (void)Stop(); }

    // Calls the watch off; whether it came too late.
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
  // Ends the call where it is time; how long to sleep, nullopt: no more.
  std::optional<Clock::duration> Look();

  UniqueFd wake_;  // an eventfd
  std::mutex mutex_;
  std::optional<Watched> watched_;
  Clock::time_point sleeps_until_ = Clock::time_point::min();
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace zcrx
