#include "support/remote/peer.h"

#include <cstring>

namespace zcrx {
namespace {

constexpr size_t kMaxInstead = 200;  // characters

std::string TrimmedStderr(const PeerProcess& process) {
  std::string text = process.Stderr();
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace

// A shell between sshd and the program reports a signal as an exit status (POSIX.1-2017, XCU
// 2.8.2).
std::string PeerExit::Text() const {
  if (!signal.empty()) return fmt::format("was killed by SIG{}", signal);
  const char* const by = status > 128 ? sigabbrev_np(status - 128) : nullptr;
  return fmt::format("ended with status {}{}", status, by ? fmt::format(" (SIG{})", by) : "");
}

Status PeerProcess::WaitForLine(std::string_view line, Deadline deadline) {
  const std::string operation = fmt::format("wait for \"{}\" of {}", line, Name());
  std::string instead;
  const auto failed = [&](Error error) {
    if (!instead.empty())
      error.detail +=
          fmt::format("{}it said instead: {}", error.detail.empty() ? "" : "; ", instead);
    return std::unexpected(std::move(error));
  };
  for (;;) {
    const Result<std::optional<std::string>> got = ReadLine(deadline);
    if (!got.has_value()) return failed({operation, got.error().code, got.error().detail});
    if (!got->has_value()) break;
    if (**got == line) return {};
    if (!(*got)->empty() && instead.size() < kMaxInstead) {
      instead += (instead.empty() ? "" : " | ") + (*got)->substr(0, kMaxInstead);
    }
  }
  ZCRX_ASSIGN_OR_RETURN(const PeerExit exit, Wait(deadline));
  return failed(
      {fmt::format("{}: it {} before that", operation, exit.Text()), 0, TrimmedStderr(*this)});
}

Status PeerProcess::WaitForSuccess(Deadline deadline) {
  ZCRX_ASSIGN_OR_RETURN(const PeerExit exit, Wait(deadline));
  if (exit.Success()) return {};
  return Fail(fmt::format("{} {}", Name(), exit.Text()), 0, TrimmedStderr(*this));
}

}  // namespace zcrx
