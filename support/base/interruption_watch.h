// Turns signals and the time limit of a run into interruptions (interruption.h).
//
// SIGINT, SIGTERM and SIGHUP are blocked in all threads, and a thread of the watch receives them:
// so they interrupt no system calls except waits, and a second signal finds the first one being
// handled. Signals that were ignored when the watch started (nohup, background jobs of a shell)
// stay ignored.
#pragma once

#include <signal.h>

#include <chrono>
#include <optional>
#include <thread>

#include "support/base/interruption.h"

namespace zcrx {

class InterruptionWatch {
 public:
  // If undoing does not finish in time (a call in the kernel does not return), the process exits
  // with this status and leaves the rest undone.
  struct LastResort {
    std::chrono::milliseconds after{9500};
    int status = 1;
  };

  // Starts the watch. Interruptions end the waits of the calling thread and of each thread with a
  // HearsInterruption. Create before other threads, which inherit the signal mask. Children start
  // with SIGINT and SIGHUP blocked (a terminal sends those to its whole foreground process group,
  // and we end our children in order), but not SIGTERM. Only one instance at a time.
  explicit InterruptionWatch(std::optional<std::chrono::seconds> limit = {});
  InterruptionWatch(std::optional<std::chrono::seconds> limit, LastResort last_resort);
  InterruptionWatch(const InterruptionWatch&) = delete;
  InterruptionWatch& operator=(const InterruptionWatch&) = delete;
  // Restores the signal mask and clears the interruption.
  ~InterruptionWatch();

 private:
  void Run(std::optional<std::chrono::seconds> limit, LastResort last_resort) const;

  int wake_;  // signal that ends a wait
  HearsInterruption hears_;
  sigset_t heard_{};   // received by the thread
  sigset_t before_{};  // previous mask
  sigset_t wait_mask_{};
  std::thread thread_;
};

}  // namespace zcrx
