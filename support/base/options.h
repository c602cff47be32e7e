// Command line options: one table parses them, prints their help and, for a program that starts
// another one, generates its arguments.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/base/numbers.h"
#include "support/base/result.h"

namespace zcrx {

struct Option {
  std::string_view name;   // "--netif"
  std::string_view value;  // "NAME", as shown in the help; empty: a flag without value
  std::string_view help;
  std::function<Status(std::string_view)> take;  // fails with what is wrong with the value
  std::string now = {};                          // the current value; of a flag: "set" or empty
  bool required = false;
  bool repeats = false;
  bool ends = false;  // --help: ignores later arguments and missing options
};

Option Flag(std::string_view name, std::string_view help, bool& out);
Option Text(std::string_view name, std::string_view value, std::string_view help, std::string& out);

template <std::integral T>
Result<T> ParseNumberWithin(std::string_view text, T least, T most) {
  const auto number = ParseNumber<T>(text);
  if (number && *number >= least && *number <= most) return *number;
  return Fail(fmt::format("not a decimal number from {} to {}", least, most));
}

template <std::integral T>
Option Number(std::string_view name, std::string_view value, std::string_view help, T& out,
              T least = 0, T most = std::numeric_limits<T>::max()) {
  return {.name = name,
          .value = value,
          .help = help,
          .take = [least, most, &out](std::string_view text) -> Status {
            ZCRX_ASSIGN_OR_RETURN(out, ParseNumberWithin(text, least, most));
            return {};
          },
          .now = fmt::format("{}", out)};
}

// A duration of up to 2^31 - 1, as poll(2) takes.
template <typename Duration>
Option Span(std::string_view name, std::string_view value, std::string_view help, Duration& out,
            Duration least, Duration most = Duration(std::numeric_limits<int32_t>::max())) {
  return {.name = name,
          .value = value,
          .help = help,
          .take = [least, most, &out](std::string_view text) -> Status {
            ZCRX_ASSIGN_OR_RETURN(const auto count,
                                  ParseNumberWithin(text, least.count(), most.count()));
            out = Duration(count);
            return {};
          },
          .now = fmt::format("{}", out.count())};
}

inline Option Required(Option option) {
  option.required = true;
  return option;
}
// Makes later arguments irrelevant: --help, --version.
inline Option Ending(Option option) {
  option.ends = true;
  return option;
}

// Returns the error for a wrong command line: `sentence`, with a reference to --help.
std::unexpected<Error> Misused(std::string_view sentence);

// Parses "--name value" and "--name=value"; a value that begins with "-" needs the latter. Other
// arguments go to `words`, or are refused if that is null. Fails with one sentence.
Status ParseOptions(std::span<const char* const> arguments, std::span<const Option> options,
                    std::vector<std::string>* words = nullptr);

// Returns the help text, one line per option.
std::string OptionsHelp(std::span<const Option> options);

// Returns the arguments from which ParseOptions() would parse the current values.
std::vector<std::string> OptionWords(std::span<const Option> options);

}  // namespace zcrx
