// Kill points: places where a test can kill this process at an exact moment, before and after each
// change of the NIC and each message to the peer.
//
// A hook for tests of what a killed run leaves behind (test/lab/guardian_test.py):
//   ZCRX_KILL_AT=before set_rings:2   kills the process the second time it is about to set rings
//   ZCRX_KILL_AT=print                prints each point that is passed, in that form
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

// A kill point before and one after the rest of the enclosing scope.
class KillPoints {
 public:
  // `what` must outlive this object.
  explicit KillPoints(std::string_view what) : what_(what) { PassKillPoint("before", what_); }
  KillPoints(const KillPoints&) = delete;
  KillPoints& operator=(const KillPoints&) = delete;
  ~KillPoints() { PassKillPoint("after", what_); }

 private:
  std::string_view what_;
};

}  // namespace zcrx
