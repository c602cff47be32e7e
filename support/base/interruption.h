// The end of a run before its time: a signal, a closed terminal, a limit.
//
// All deadlines expire with it (deadline.h), so that whatever waits ends, whichever wait that is.
// What puts things back must not end that way: it stands in the scope of an Uninterrupted.
// Who brings interruptions about: interruption_watch.h.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <string>

namespace zcrx {

class HearsInterruption;

class Interruption {
 public:
  using Clock = std::chrono::steady_clock;
  // So long after it the deadlines of undos expire too: whoever interrupts us is promised an end
  // within ten seconds (README.md).
  static constexpr std::chrono::seconds kForUndo{8};

  [[nodiscard]] static bool HasCome() { return at_.load() != Clock::time_point::max(); }
  // "interrupted by SIGTERM"; empty where none has come.
  [[nodiscard]] static std::string Text();

  // What is left of a deadline: `when`, or the interruption where that came first. `undoing`: on
  // behalf of a thread that is in an Uninterrupted.
  [[nodiscard]] static Clock::time_point Bound(Clock::time_point when, bool undoing) {
    const Clock::time_point at = at_.load();
    if (at == Clock::time_point::max()) return when;
    return std::min(when, undoing ? at + kForUndo : at);
  }

  // For ppoll(2) and the like: the signals that are blocked while the caller waits. In it the one
  // that ends a wait is not blocked, and everywhere else it is: it cannot come between a look at
  // the deadline and the wait. Null where there is nothing to hear.
  [[nodiscard]] static const sigset_t* WaitMask() { return wait_mask_.load(); }

 private:
  friend class HearsInterruption;
  friend class InterruptionWatch;
  static inline std::mutex hearers_mutex_;
  static inline HearsInterruption* hearers_ = nullptr;  // a list
  static inline std::atomic<Clock::time_point> at_ = Clock::time_point::max();
  static inline std::atomic<int> signal_ = 0;  // 0: the limit
  static inline std::atomic<long> limit_s_ = 0;
  static inline std::atomic<const sigset_t*> wait_mask_ = nullptr;
};

// While one is there, an interruption ends this thread's waits (those with WaitMask()), too: a
// thread that another one starts has to say so. Made and destroyed by that thread.
class HearsInterruption {
 public:
  HearsInterruption() {
    const std::lock_guard lock(Interruption::hearers_mutex_);
    next_ = Interruption::hearers_;
    Interruption::hearers_ = this;
  }
  HearsInterruption(const HearsInterruption&) = delete;
  HearsInterruption& operator=(const HearsInterruption&) = delete;
  ~HearsInterruption() {
    const std::lock_guard lock(Interruption::hearers_mutex_);
    HearsInterruption** at = &Interruption::hearers_;
    while (*at != this) at = &(*at)->next_;
    *at = next_;
  }

 private:
  friend class InterruptionWatch;
  pthread_t thread_ = ::pthread_self();
  HearsInterruption* next_ = nullptr;
};

// While one is there, an interruption does not end this thread's waits before
// Interruption::kForUndo.
class Uninterrupted {
 public:
  Uninterrupted() { ++depth_; }
  Uninterrupted(const Uninterrupted&) = delete;
  Uninterrupted& operator=(const Uninterrupted&) = delete;
  ~Uninterrupted() { --depth_; }

  [[nodiscard]] static bool Here() { return depth_ != 0; }

 private:
  static inline thread_local int depth_ = 0;
};

inline std::string Interruption::Text() {
  if (!HasCome()) return {};
  if (const int signal = signal_.load(); signal != 0) {
    return std::string("interrupted by SIG") + ::sigabbrev_np(signal);
  }
  return "interrupted by the limit of " + std::to_string(limit_s_.load()) + " s";
}

}  // namespace zcrx
