// Places where a test can have this process killed, as nothing else could time it: around each
// change of the NIC, and where the peer is told something.
//
// A hook for tests of what a killed run leaves behind (test/lab/guardian_test.py):
//   ZCRX_KILL_AT=before set_rings:2   the second time that it is about to set rings, it is no more
//   ZCRX_KILL_AT=print                it says each point that it comes by, in that form
// Without the variable nothing happens.
#pragma once

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace zcrx {

inline constexpr const char* kKillAt = "ZCRX_KILL_AT";

inline void PassKillPoint(std::string_view when, std::string_view what) {
  static const char* const kill_at = std::getenv(kKillAt);
  if (kill_at == nullptr) return;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  static std::map<std::string, int> passes;
  const std::string name = fmt::format("{} {}", when, what);
  const std::string point = fmt::format("{}:{}", name, ++passes[name]);
  if (std::string_view(kill_at) == "print") fmt::print(stderr, "kill point: {}\n", point);
  if (point == kill_at) std::raise(SIGKILL);
}

// One before and one after what stands between it and the end of its scope.
class KillPoints {
 public:
  // `what` outlives it.
  explicit KillPoints(std::string_view what) : what_(what) { PassKillPoint("before", what_); }
  KillPoints(const KillPoints&) = delete;
  KillPoints& operator=(const KillPoints&) = delete;
  ~KillPoints() { PassKillPoint("after", what_); }

 private:
  std::string_view what_;
};

}  // namespace zcrx
