// Interruptions: the early end of a run by a signal, a closed terminal or a time limit.
//
// An interruption expires all deadlines (deadline.h), so that every wait ends. Code that undoes
// changes must not end that way: it runs in the scope of an Uninterrupted. interruption_watch.h
// triggers interruptions.
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
  // Time from the interruption until deadlines of undos expire too: an interrupted run must end
  // within ten seconds (README.md).
  static constexpr std::chrono::seconds kForUndo{8};

  [[nodiscard]] static bool HasCome() { return at_.load() != Clock::time_point::max(); }
  // Returns "interrupted by SIGTERM", empty if there was no interruption.
  [[nodiscard]] static std::string Text();

  // Returns the effective deadline: `when`, or the interruption if that is earlier. `undoing`: for
  // a thread that is in an Uninterrupted.
  [[nodiscard]] static Clock::time_point Bound(Clock::time_point when, bool undoing) {
    const Clock::time_point at = at_.load();
    if (at == Clock::time_point::max()) return when;
    return std::min(when, undoing ? at + kForUndo : at);
  }

  // Returns the signal mask for ppoll(2) and similar calls. The signal that ends a wait is blocked
  // everywhere but in this mask, so it cannot be lost between a check of the deadline and the wait.
  // Null if there is no InterruptionWatch.
  [[nodiscard]] static const sigset_t* WaitMask() { return wait_mask_.load(); }

 private:
  friend class HearsInterruption;
  friend class InterruptionWatch;
  static inline std::mutex hearers_mutex_;
  static inline HearsInterruption* hearers_ = nullptr;  // a list
  static inline std::atomic<Clock::time_point> at_ = Clock::time_point::max();
  static inline std::atomic<int> signal_ = 0;  // 0: time limit
  static inline std::atomic<long> limit_s_ = 0;
  static inline std::atomic<const sigset_t*> wait_mask_ = nullptr;
};

// While an instance exists, an interruption also ends the waits (those with WaitMask()) of this
// thread. Needed in threads that another thread starts. Must be created and destroyed by the thread
// itself.
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

// While an instance exists, an interruption does not end this thread's waits before
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
