// Command lines: the options of a program are a table that parses, helps and, where one program
// starts another, writes the words for it.
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
  std::string_view value;  // "NAME", as help has it; empty: a flag, which takes none
  std::string_view help;
  std::function<Status(std::string_view)> take;  // the error is what is wrong with the value
  std::string now = {};                          // the value before it is given; a flag's: if set
  bool required = false;
  bool repeats = false;
  bool ends = false;  // nothing after it is judged, and nothing is missing: --help
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

// Up to 2^31 - 1, as poll(2) takes them.
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
// The last word that counts: --help, --version.
inline Option Ending(Option option) {
  option.ends = true;
  return option;
}

// The one form of refusal.
std::unexpected<Error> Misused(std::string_view sentence);

// Takes "--name value" and "--name=value" alike; a value that begins with "-" needs the latter. All
// other words go to `words`, or are refused where there is none. Fails with one sentence.
Status ParseOptions(std::span<const char* const> arguments, std::span<const Option> options,
                    std::vector<std::string>* words = nullptr);

// Returns a line for each option.
std::string OptionsHelp(std::span<const Option> options);

// Returns the words from which ParseOptions() would read what the options are now.
std::vector<std::string> OptionWords(std::span<const Option> options);

}  // namespace zcrx
