// Turns signals and the limit of a run into interruptions (interruption.h).
//
// SIGINT, SIGTERM and SIGHUP are blocked everywhere, and a thread of the watch's takes them: they
// break no system call off but waits, and the second one finds the first at work. One that was
// ignored when the watch began (nohup, a shell's background jobs) stays so.
#pragma once

#include <signal.h>

#include <chrono>
#include <optional>
#include <thread>

#include "support/base/interruption.h"

namespace zcrx {

class InterruptionWatch {
 public:
  // Where undoing takes longer than it may (a call in the kernel that does not return), the process
  // ends all the same, with this status and without what it had left to do.
  struct LastResort {
    std::chrono::milliseconds after{9500};
    int status = 1;
  };

  // Waits of the calling thread hear it, and of each that says so (HearsInterruption); to be made
  // before there are other threads, which inherit what is blocked. Children begin with SIGINT and
  // SIGHUP blocked (a terminal sends those to all in its foreground, and we end our children in
  // order), but not SIGTERM. One at a time.
  explicit InterruptionWatch(std::optional<std::chrono::seconds> limit = {});
  InterruptionWatch(std::optional<std::chrono::seconds> limit, LastResort last_resort);
  InterruptionWatch(const InterruptionWatch&) = delete;
  InterruptionWatch& operator=(const InterruptionWatch&) = delete;
  // Signals do what they did before. Forgets the interruption.
  ~InterruptionWatch();

 private:
  void Run(std::optional<std::chrono::seconds> limit, LastResort last_resort) const;

  int wake_;  // the signal that ends a wait
  HearsInterruption hears_;
  sigset_t heard_{};   // what the thread takes
  sigset_t before_{};  // the mask as it was
  sigset_t wait_mask_{};
  std::thread thread_;
};

}  // namespace zcrx
