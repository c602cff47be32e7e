// A point in time by which something has to be done. Every call that can wait takes one.
//
// An interruption of the run brings all of them forward: see interruption.h.
#pragma once

#include <time.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "support/base/interruption.h"

namespace zcrx {

class Deadline {
 public:
  using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, as timerfd and io_uring timeouts

  static Deadline In(Clock::duration span) { return Deadline(Clock::now() + span); }

  [[nodiscard]] bool Expired() const { return Clock::now() >= Bound(); }
  // Never negative.
  [[nodiscard]] Clock::duration Remaining() const {
    return std::max(Bound() - Clock::now(), Clock::duration::zero());
  }
  // For poll(2): rounded up, so that a wait never ends just before the deadline and spins.
  [[nodiscard]] int RemainingMs() const {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(Remaining()).count();
    return static_cast<int>(std::min<decltype(ms)>(ms, std::numeric_limits<int>::max()));
  }
  // For ppoll(2) and the like.
  [[nodiscard]] timespec RemainingTimespec() const {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(Remaining());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    return {.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  }
  // As it was set, for who watches on behalf of another thread.
  [[nodiscard]] Clock::time_point When() const { return when_; }
  [[nodiscard]] Deadline Earlier(Deadline other) const {
    return Deadline(std::min(when_, other.when_));
  }

 private:
  explicit Deadline(Clock::time_point when) : when_(when) {}
  [[nodiscard]] Clock::time_point Bound() const {
    return Interruption::Bound(when_, Uninterrupted::Here());
  }

  Clock::time_point when_;
};

}  // namespace zcrx
