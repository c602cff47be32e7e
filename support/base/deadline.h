// A point in time by which an operation must finish. Every call that can wait takes one.
//
// An interruption of the run brings all deadlines forward: see interruption.h.
#pragma once

#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>

#include "support/base/interruption.h"

namespace zcrx {

class Deadline {
 public:
  using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, like timerfd and io_uring timeouts

  // For what has to happen: as long as a machine of ordinary speed needs, with room to spare.
  static Deadline In(Clock::duration span) { return Exactly(Stretched(span)); }
  // For spans that a user has set, and for the pauses of a loop.
  static Deadline Exactly(Clock::duration span) { return Deadline(Clock::now() + span); }

  // Makes later In() wait `factor` times as long, in this process: on a machine that is known to be
  // slow. An interruption brings those deadlines forward all the same.
  static void Stretch(int factor) { factor_ = factor; }
  template <typename Span>
  [[nodiscard]] static Span Stretched(Span span) {
    return span * factor_.load();
  }

  [[nodiscard]] bool Expired() const { return Clock::now() >= Bound(); }
  // Returns the time left; never negative.
  [[nodiscard]] Clock::duration Remaining() const {
    return std::max(Bound() - Clock::now(), Clock::duration::zero());
  }
  // Returns the time left for poll(2), rounded up so that a wait does not end just before the
  // deadline and spin.
  [[nodiscard]] int RemainingMs() const {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(Remaining()).count();
    return static_cast<int>(std::min<decltype(ms)>(ms, std::numeric_limits<int>::max()));
  }
  // Returns the time left for ppoll(2) and similar calls.
  [[nodiscard]] timespec RemainingTimespec() const {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(Remaining());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    return {.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  }
  // Returns the deadline as it was set, for code that waits on behalf of another thread.
  [[nodiscard]] Clock::time_point When() const { return when_; }
  [[nodiscard]] Deadline Earlier(Deadline other) const {
    return Deadline(std::min(when_, other.when_));
  }

 private:
  explicit Deadline(Clock::time_point when) : when_(when) {}
  [[nodiscard]] Clock::time_point Bound() const {
    return Interruption::Bound(when_, Uninterrupted::Here());
  }

  static inline std::atomic<int> factor_ = 1;
  Clock::time_point when_;
};

}  // namespace zcrx
