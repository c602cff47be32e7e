// Waiting for a state that nothing announces. Where the kernel tells (netlink notifications,
// completions, a readable descriptor), wait for that instead.
#pragma once

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "support/base/deadline.h"
#include "support/base/result.h"

namespace zcrx {

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
    if (last_look) return Fail("wait until " + std::move(what), ETIMEDOUT);
    const timespec span = Deadline::In(pause).Earlier(deadline).RemainingTimespec();
    ::ppoll(nullptr, 0, &span, nullptr);
    pause = std::min(2 * pause, kLongestPause);
  }
}

}  // namespace zcrx
