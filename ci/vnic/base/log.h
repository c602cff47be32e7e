// The log of the NIC process: one line an event.
//
// "2026-01-31T12:00:00.123456Z WARN dut gve: refused CREATE_RX_QUEUE: ring at 0x... is not mapped"
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace vnic {

enum class Severity { kInfo, kWarning, kError };

// Where lines go. A guest can cause as many refusals as it likes, so that of lines alike (same tag
// and same format) only kBurst are written in a second; the next one afterwards says how many were
// left out.
class LogSink {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr unsigned kBurst = 20;

  // `file` stays the caller's and outlives the sink.
  explicit LogSink(std::FILE* file) : file_(file) {}

  // `kind` is what makes lines alike.
  void Write(Severity severity, std::string_view tag, std::string_view kind, std::string_view text,
             Clock::time_point now = Clock::now());

 private:
  struct Rate {
    Clock::time_point start;
    unsigned written = 0;
    std::uint64_t left_out = 0;
  };
  std::FILE* file_;
  // Bounded: kinds are format strings of this program, tags are ports.
  std::map<std::pair<std::string, std::string>, Rate> rates_;
};

// A named source of lines; cheap to copy.
class Log {
 public:
  Log(LogSink& sink, std::string tag) : sink_(&sink), tag_(std::move(tag)) {}

  template <typename... Args>
  void Info(fmt::format_string<Args...> format, Args&&... args) const {
    Write(Severity::kInfo, format, std::forward<Args>(args)...);
  }
  // The guest or the client asked for what it must not have; it was not done.
  template <typename... Args>
  void Refused(fmt::format_string<Args...> format, Args&&... args) const {
    Write(Severity::kWarning, format, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void Error(fmt::format_string<Args...> format, Args&&... args) const {
    Write(Severity::kError, format, std::forward<Args>(args)...);
  }

 private:
  template <typename... Args>
  void Write(Severity severity, fmt::format_string<Args...> format, Args&&... args) const {
    const fmt::string_view kind = format;
    sink_->Write(severity, tag_, {kind.data(), kind.size()},
                 fmt::format(format, std::forward<Args>(args)...));
  }

  LogSink* sink_;
  std::string tag_;
};

}  // namespace vnic
