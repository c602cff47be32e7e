// Takes a connection down when a call on it outlives its deadline.
//
// libssh 0.10 has calls that no time limit reaches: its SFTP functions read in a loop until the
// server answers (src/sftp.c, sftp_packet_read), and others count their limit anew at each packet.
// What ends all of them is the end of the connection, so that is what the watchdog brings about,
// and the end of whatever else they may wait on.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "support/base/deadline.h"

namespace zcrx {

class ConnectionWatchdog {
 public:
  // Shuts the sockets down (-1: none) at the deadline unless destroyed before; they stay open that
  // long. An interruption of the run leaves the call `last_answer` to get its answer.
  using Sockets = std::array<int, 2>;
  ConnectionWatchdog(Sockets sockets, Deadline deadline, std::chrono::milliseconds last_answer);
  ConnectionWatchdog(const ConnectionWatchdog&) = delete;
  ConnectionWatchdog& operator=(const ConnectionWatchdog&) = delete;
  ~ConnectionWatchdog();

  // Calls the watch off; whether it came too late.
  [[nodiscard]] bool Stop();

 private:
  void Watch(Sockets sockets, Deadline deadline, std::chrono::milliseconds last_answer,
             bool undoing);

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
  bool fired_ = false;
  std::thread thread_;
};

}  // namespace zcrx
