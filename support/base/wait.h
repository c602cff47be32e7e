// Waits that end on interruption of the run: PollUntil() for descriptors, Becomes() for states
// without notification.
#pragma once

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <span>
#include <string>
#include <utility>

#include "support/base/deadline.h"
#include "support/base/result.h"

namespace zcrx {

// Returns the error of a wait at its deadline: ETIMEDOUT, or ECANCELED if an interruption has
// brought the deadline forward.
inline std::unexpected<Error> FailExpired(std::string operation, std::string detail = {}) {
  if (!Interruption::HasCome() || Uninterrupted::Here()) {
    return Fail(std::move(operation), ETIMEDOUT, std::move(detail));
  }
  return Fail(std::move(operation), ECANCELED,
              Interruption::Text() + (detail.empty() ? "" : "; " + detail));
}

// Waits until one of `fds` is ready, as poll(2). Returns false if the deadline passes first.
inline Result<bool> PollUntil(const std::string& operation, std::span<pollfd> fds,
                              Deadline deadline) {
  while (true) {
    const timespec left = deadline.RemainingTimespec();
    const int ready = ::ppoll(fds.data(), fds.size(), &left, Interruption::WaitMask());
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return FailErrno(operation + ": poll");
    if (deadline.Expired()) return false;
  }
}

// Waits until `predicate` (which returns Result<bool>) is true. Evaluates it at once, then after
// pauses of a quarter of the time waited so far (1 to 32 ms), so that the wait is at most a quarter
// longer than needed, and once more at the deadline. Fails with the predicate's error or with
// ETIMEDOUT.
template <typename Predicate>
Status Becomes(std::string what, Predicate predicate, Deadline deadline) {
  using namespace std::chrono_literals;
  constexpr Deadline::Clock::duration kShortest = 1ms;
  constexpr Deadline::Clock::duration kLongest = 32ms;
  const auto began = Deadline::Clock::now();
  while (true) {
    const bool last_look = deadline.Expired();
    ZCRX_ASSIGN_OR_RETURN(const bool there, predicate());
    if (there) return {};
    if (last_look) return FailExpired("wait until " + std::move(what));
    const auto pause = std::clamp((Deadline::Clock::now() - began) / 4, kShortest, kLongest);
    ZCRX_RETURN_IF_ERROR(
        PollUntil("wait until " + what, {}, Deadline::Exactly(pause).Earlier(deadline)));
  }
}

}  // namespace zcrx
