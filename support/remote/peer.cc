#include "support/remote/peer.h"

namespace zcrx {
namespace {

std::string TrimmedStderr(const PeerProcess& process) {
  std::string text = process.Stderr();
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace

std::string PeerExit::Text() const {
  return signal.empty() ? fmt::format("ended with status {}", status)
                        : fmt::format("was killed by SIG{}", signal);
}

Status PeerProcess::WaitForLine(std::string_view line, Deadline deadline) {
  for (;;) {
    ZCRX_ASSIGN_OR_RETURN(const std::optional<std::string> got, ReadLine(deadline));
    if (!got.has_value()) break;
    if (*got == line) return {};
  }
  ZCRX_ASSIGN_OR_RETURN(const PeerExit exit, Wait(deadline));
  return Fail(fmt::format("wait for \"{}\" of {}: it {} before that", line, Name(), exit.Text()), 0,
              TrimmedStderr(*this));
}

Status PeerProcess::WaitForSuccess(Deadline deadline) {
  ZCRX_ASSIGN_OR_RETURN(const PeerExit exit, Wait(deadline));
  if (exit.Success()) return {};
  return Fail(fmt::format("{} {}", Name(), exit.Text()), 0, TrimmedStderr(*this));
}

}  // namespace zcrx
