// zcrx_sender: the program that the suite runs on the peer.
//
// Prints READY once it is connected and SENT <bytes> once the receiver has closed after all of them
// (--reset: once they are handed to the kernel); of several streams, for the first and the last.
// Exits at once when its standard input is closed: over SSH that is all that is left of a killed
// caller. Exit status 0: sent; 1: one sentence on stderr says what failed; 2: bad usage.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/base/options.h"
#include "support/sender/caretaker.h"
#include "support/sender/plan.h"
#include "support/sender/send.h"
#include "support/version/version.h"

namespace {

// Prints a line unbuffered and checks for success: the caller waits for exactly this line.
zcrx::Status Say(std::string_view line) {
  const ssize_t written = write(STDOUT_FILENO, line.data(), line.size());
  if (written < 0) return zcrx::FailErrno("write to standard output");
  if (static_cast<size_t>(written) != line.size()) return zcrx::Fail("write to standard output");
  return {};
}

int Complain(const zcrx::Error& error, int status) {
  fmt::print(stderr, "zcrx_sender: {}\n", error.Text());
  return status;
}

int Send(std::span<const char* const> arguments) {
  const auto plan = zcrx::ParseSendPlan(arguments);
  if (!plan) return Complain(plan.error(), 2);
  // If it is stuck where it cannot check the time, the kernel ends it.
  ::alarm(static_cast<unsigned>(plan->lifetime / std::chrono::seconds(1) + 2));
  const auto sent = zcrx::Send(*plan, STDIN_FILENO, [] { return Say("READY\n"); });
  if (!sent) return Complain(sent.error(), 1);
  const auto said = Say(fmt::format("SENT {}\n", plan->bytes));
  return said ? 0 : Complain(said.error(), 1);
}

struct Care {
  std::string file;
  std::chrono::milliseconds lease{0};
};

std::vector<zcrx::Option> Table(Care& care) {
  return {Required(zcrx::Text("--file", "PATH", "remove it and its folder at the end", care.file)),
          Required(zcrx::Span("--lease-ms", "N", "exit after this long without a byte on stdin",
                              care.lease, std::chrono::milliseconds(1)))};
}

int TakeCare(std::span<const char* const> arguments) {
  Care care;
  if (const auto parsed = zcrx::ParseOptions(arguments, Table(care)); !parsed) {
    return Complain(parsed.error(), 2);
  }
  const auto done =
      zcrx::TakeCare(care.file, STDIN_FILENO, care.lease, [] { return Say("READY\n"); });
  return done ? 0 : Complain(done.error(), 1);
}

int Help() {
  Care care;
  fmt::print("zcrx_sender [OPTION]...\n{}\nzcrx_sender caretaker [OPTION]...\n{}",
             zcrx::SendPlanHelp(), zcrx::OptionsHelp(Table(care)));
  return 0;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): bad_alloc may end it, there is nothing to save
int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a lost reader is an error of write(2), not a signal
  const std::span<const char* const> arguments(argv, static_cast<size_t>(argc));
  if (argc > 1 && arguments[1] == std::string_view("--version")) {
    fmt::print("zcrx_sender {}\n", zcrx::kVersion);
    return 0;
  }
  if (std::ranges::find(arguments, std::string_view("--help")) != arguments.end()) return Help();
  if (argc > 1 && arguments[1] == std::string_view("caretaker")) {
    return TakeCare(arguments.subspan(2));
  }
  return Send(arguments.subspan(1));
}
