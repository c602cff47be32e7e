// zcrx_sender: the program that the suite runs on the peer.
//
// Prints READY when it is connected and SENT <bytes> when the receiver has closed after all of
// them (--end=reset: when they were handed to the kernel); of several streams, at the first and the
// last. Ends at once when its standard input is closed: over SSH that is what remains of a caller
// that was killed. Exit status 0: sent; 1: one sentence on stderr says what failed; 2: bad usage.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <span>
#include <string_view>

#include "support/sender/caretaker.h"
#include "support/sender/options.h"
#include "support/sender/send.h"
#include "support/version/version.h"

namespace {

// Unbuffered, and told apart from success: the caller waits for this very line.
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

int Misused(const zcrx::Error& error, const char* usage) {
  const int status = Complain(error, 2);
  fmt::print(stderr, "usage: {}\n", usage);
  return status;
}

int Send(std::span<const char* const> arguments) {
  const auto options = zcrx::ParseSendOptions(arguments);
  if (!options.has_value()) return Misused(options.error(), zcrx::kSenderUsage);
  // Stuck where it cannot look at the time: the kernel ends it.
  ::alarm(options->deadline_ms / 1000 + 2);
  const auto sent = zcrx::Send(*options, STDIN_FILENO, [] { return Say("READY\n"); });
  if (!sent.has_value()) return Complain(sent.error(), 1);
  const auto said = Say(fmt::format("SENT {}\n", options->bytes));
  return said.has_value() ? 0 : Complain(said.error(), 1);
}

int TakeCare(std::span<const char* const> arguments) {
  const auto options = zcrx::ParseCaretakerOptions(arguments);
  if (!options.has_value()) return Misused(options.error(), zcrx::kCaretakerUsage);
  const auto done =
      zcrx::TakeCare(options->file, STDIN_FILENO, std::chrono::milliseconds(options->lease_ms),
                     [] { return Say("READY\n"); });
  return done.has_value() ? 0 : Complain(done.error(), 1);
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): bad_alloc may end it, there is nothing to save
int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that has gone is an error of write(2), not a death
  const std::span<const char* const> arguments(argv, static_cast<size_t>(argc));
  if (argc > 1 && arguments[1] == std::string_view("--version")) {
    fmt::print("zcrx_sender {}\n", zcrx::kVersion);
    return 0;
  }
  if (argc > 1 && arguments[1] == std::string_view("caretaker")) {
    return TakeCare(arguments.subspan(2));
  }
  return Send(arguments.subspan(1));
}
