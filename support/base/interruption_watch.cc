#include "support/base/interruption_watch.h"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>

namespace zcrx {
namespace {

using Clock = Interruption::Clock;

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};

bool Ignored(int signal) {
  struct sigaction action = {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

// Otherwise a child would not react to SIGTERM, and libssh waits for its ProxyCommand forever.
void UnblockTermination() {
  sigset_t termination;
  ::sigemptyset(&termination);
  ::sigaddset(&termination, SIGTERM);
  ::sigprocmask(SIG_UNBLOCK, &termination, nullptr);
}

// Waits for one of `signals` and returns it, or 0 at `end`.
int Take(const sigset_t& signals, std::optional<Clock::time_point> end) {
  while (true) {
    timespec left = {};
    if (end) {
      const auto span = std::max(*end - Clock::now(), Clock::duration::zero());
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(span);
      left = {.tv_sec = seconds.count(), .tv_nsec = (span - seconds).count()};
    }
    const int signal = ::sigtimedwait(&signals, nullptr, end ? &left : nullptr);
    if (signal > 0) return signal;
    if (errno == EAGAIN) return 0;
  }
}

}  // namespace

InterruptionWatch::InterruptionWatch(std::optional<std::chrono::seconds> limit)
    : InterruptionWatch(limit, LastResort{}) {}

InterruptionWatch::InterruptionWatch(std::optional<std::chrono::seconds> limit,
                                     LastResort last_resort)
    : wake_(SIGRTMIN) {
  ::sigemptyset(&heard_);
  ::sigaddset(&heard_, wake_);
  for (const int signal : kSignals) {
    if (!Ignored(signal)) ::sigaddset(&heard_, signal);
  }
  ::pthread_sigmask(SIG_BLOCK, &heard_, &before_);
  wait_mask_ = before_;
  for (const int signal : kSignals) ::sigaddset(&wait_mask_, signal);
  ::sigdelset(&wait_mask_, wake_);
  // The handler does nothing: the arrival of the signal ends the wait.
  struct sigaction nothing = {};
  nothing.sa_handler = [](int) {};
  ::sigaction(wake_, &nothing, nullptr);
  static const int once = ::pthread_atfork(nullptr, nullptr, UnblockTermination);
  (void)once;
  Interruption::wait_mask_ = &wait_mask_;
  thread_ = std::thread([this, limit, last_resort] { Run(limit, last_resort); });
}

InterruptionWatch::~InterruptionWatch() {
  ::pthread_kill(thread_.native_handle(), wake_);
  thread_.join();
  Interruption::wait_mask_ = nullptr;
  Interruption::at_ = Clock::time_point::max();
  // Discard a wake-up that no wait has consumed, and second signals; they would be delivered now.
  const timespec none = {};
  while (::sigtimedwait(&heard_, nullptr, &none) > 0) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void InterruptionWatch::Run(std::optional<std::chrono::seconds> limit,
                            LastResort last_resort) const {
  std::optional<Clock::time_point> end;
  if (limit) end = Clock::now() + *limit;
  const int signal = Take(heard_, end);
  if (signal == wake_) return;
  const Clock::time_point now = Clock::now();
  Interruption::signal_ = signal;
  Interruption::limit_s_ = limit.value_or(std::chrono::seconds{0}).count();
  Interruption::at_ = now;
  {
    const std::lock_guard lock(Interruption::hearers_mutex_);
    for (const HearsInterruption* one = Interruption::hearers_; one != nullptr; one = one->next_) {
      ::pthread_kill(one->thread_, wake_);
    }
  }
  while (const int further = Take(heard_, now + last_resort.after)) {
    if (further == wake_) return;
  }
  // fmt allocates memory, and the thread that hangs may hold the allocator's lock.
  constexpr std::string_view kText = "interrupted, but undoing did not finish in time\n";
  (void)!::write(STDERR_FILENO, kText.data(), kText.size());
  ::_exit(last_resort.status);
}

}  // namespace zcrx
