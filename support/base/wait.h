// Waiting, so that interruptions of the run are heard: PollUntil() for what a descriptor announces,
// Becomes() for a state that nothing announces.
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

// The error of a wait whose deadline has come: ETIMEDOUT, or ECANCELED where an interruption has
// brought it.
inline std::unexpected<Error> FailExpired(std::string operation, std::string detail = {}) {
  if (!Interruption::HasCome() || Uninterrupted::Here()) {
    return Fail(std::move(operation), ETIMEDOUT, std::move(detail));
  }
  return Fail(std::move(operation), ECANCELED,
              Interruption::Text() + (detail.empty() ? "" : "; " + detail));
}

// poll(2): until one of `fds` is ready; false when the deadline comes first.
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

// Until `predicate` (a Result<bool>()) is true. It is looked at at once, then after 1, 2, 4 ... 32
// ms, and once more at the deadline; its errors end the wait. ETIMEDOUT: it did not become true.
template <typename Predicate>
Status Becomes(std::string what, Predicate predicate, Deadline deadline) {
  using namespace std::chrono_literals;
  constexpr Deadline::Clock::duration kLongestPause = 32ms;
  Deadline::Clock::duration pause = 1ms;
  while (true) {
    const bool last_look = deadline.Expired();
    ZCRX_ASSIGN_OR_RETURN(const bool there, predicate());
    if (there) return {};
    if (last_look) return FailExpired("wait until " + std::move(what));
    ZCRX_RETURN_IF_ERROR(
        PollUntil("wait until " + what, {}, Deadline::In(pause).Earlier(deadline)));
    pause = std::min(2 * pause, kLongestPause);
  }
}

}  // namespace zcrx
