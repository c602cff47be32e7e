#include "ci/vnic/base/log.h"

#include <fmt/chrono.h>

#include <algorithm>

namespace vnic {
namespace {

constexpr std::string_view Name(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return "INFO";
    case Severity::kWarning:
      return "WARN";
    case Severity::kError:
      return "ERROR";
  }
  return "?";
}

// One event is one line, whatever a message holds.
std::string OneLine(std::string_view text) {
  std::string line(text);
  std::ranges::replace_if(line, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return line;
}

}  // namespace

void LogSink::Write(Severity severity, std::string_view tag, std::string_view kind,
                    std::string_view text, Clock::time_point now) {
  Rate& rate = rates_[{std::string(tag), std::string(kind)}];
  std::string suffix;
  if (now - rate.start >= std::chrono::seconds(1)) {
    if (rate.left_out > 0) suffix = fmt::format(" (and {} more like it)", rate.left_out);
    rate = {.start = now};
  }
  if (rate.written == kBurst) {
    ++rate.left_out;
    return;
  }
  ++rate.written;
  const auto time =
      std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  const auto micros = time.time_since_epoch().count() % 1'000'000;
  fmt::print(file_, "{:%Y-%m-%dT%H:%M:%S}.{:06}Z {} {}: {}{}\n",
             fmt::gmtime(std::chrono::system_clock::to_time_t(time)), micros, Name(severity), tag,
             OneLine(text), suffix);
  std::fflush(file_);
}

}  // namespace vnic
