#include "ci/vnic/base/timers.h"

#include <vector>

namespace vnic {

struct Timer::Entry {
  std::optional<Timers::Clock::duration> period;
  Timers::Callback callback;
};

Timer Timers::Make(Clock::duration delay, std::optional<Clock::duration> period,
                   Callback callback) {
  // A model may set one anew for each packet: what is cancelled does not stay until its time.
  Prune();
  auto entry = std::make_shared<Timer::Entry>(period, std::move(callback));
  waiting_.emplace(Now() + delay, entry);
  return Timer(std::move(entry));
}

Timer Timers::After(Clock::duration delay, Callback callback) {
  return Make(delay, std::nullopt, std::move(callback));
}

Timer Timers::Every(Clock::duration period, Callback callback) {
  return Make(period, period, std::move(callback));
}

std::optional<Timers::Clock::time_point> Timers::Next() {
  Prune();
  if (waiting_.empty()) return std::nullopt;
  return waiting_.begin()->first;
}

void Timers::Prune() {
  std::erase_if(waiting_, [](const auto& one) { return one.second.expired(); });
}

void Timers::RunDue() {
  const auto end = waiting_.upper_bound(Now());
  std::vector<std::weak_ptr<Timer::Entry>> due;
  for (auto one = waiting_.begin(); one != end; ++one) due.push_back(one->second);
  waiting_.erase(waiting_.begin(), end);
  for (const auto& one : due) {
    const auto entry = one.lock();  // an earlier one may have cancelled it
    if (!entry) continue;
    if (entry->period) waiting_.emplace(Now() + *entry->period, entry);
    entry->callback();
  }
}

}  // namespace vnic
