// Takes a connection down when a call on it outlives its deadline.
//
// libssh 0.10 has calls that no time limit reaches: its SFTP functions read in a loop until the
// server answers (src/sftp.c, sftp_packet_read), and others count their limit anew at each packet.
// What ends all of them is the end of the connection, so that is what the watchdog brings about.
//
// An interruption of the run leaves a call some time to get its answer: without its connection
// there would be nothing left to undo by.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "support/base/deadline.h"

namespace zcrx {

class ConnectionWatchdog {
 public:
  // Shuts `fd` down at the deadline unless destroyed before; `fd` stays open that long.
  ConnectionWatchdog(int fd, Deadline deadline);
  ConnectionWatchdog(const ConnectionWatchdog&) = delete;
  ConnectionWatchdog& operator=(const ConnectionWatchdog&) = delete;
  ~ConnectionWatchdog();

  // Calls the watch off; whether it came too late.
  [[nodiscard]] bool Stop();

 private:
  void Watch(int fd, Deadline deadline, bool undoing);

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
  bool fired_ = false;
  std::thread thread_;
};

}  // namespace zcrx
