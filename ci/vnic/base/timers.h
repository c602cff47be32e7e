// A clock, and what is to be done when it shows a time.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace vnic {

// A callback that waits for its time. Cancelled when its owner ends or assigns another.
class Timer {
 public:
  Timer() = default;

 private:
  friend class Timers;
  struct Entry;
  explicit Timer(std::shared_ptr<Entry> entry) : entry_(std::move(entry)) {}
  std::shared_ptr<Entry> entry_;  // the only owner but while it runs
};

// Whoever waits for events runs what is due.
class Timers {
 public:
  using Clock = std::chrono::steady_clock;
  using Callback = std::move_only_function<void()>;

  // `now`: the clock; a test has one that it sets.
  explicit Timers(std::move_only_function<Clock::time_point()> now = Clock::now)
      : now_(std::move(now)) {}
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  [[nodiscard]] Clock::time_point Now() { return now_(); }
  // Runs `callback` once, `delay` from now on; or again and again, `period` after each run. It may
  // cancel and make timers, its own too.
  [[nodiscard]] Timer After(Clock::duration delay, Callback callback);
  [[nodiscard]] Timer Every(Clock::duration period, Callback callback);

  // For the loop: the time of the next one; nullopt: none waits.
  [[nodiscard]] std::optional<Clock::time_point> Next();
  // Runs those whose time has come, each once.
  void RunDue();

 private:
  using Waiting = std::multimap<Clock::time_point, std::weak_ptr<Timer::Entry>>;

  Timer Make(Clock::duration delay, std::optional<Clock::duration> period, Callback callback);
  // Removes cancelled ones.
  void Prune();

  std::move_only_function<Clock::time_point()> now_;
  Waiting waiting_;
};

}  // namespace vnic
