// "--wait 30" as "--wait=30": both forms are one on the command lines of our programs.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zcrx {

// `takes_value` is asked of flags without "=" that a word follows.
template <typename TakesValue>
std::vector<std::string> JoinValues(std::span<const std::string> arguments,
                                    TakesValue takes_value) {
  std::vector<std::string> joined;
  for (const std::string& argument : arguments) {
    const bool value = !argument.empty() && !argument.starts_with('-');
    if (value && !joined.empty() && joined.back().starts_with("--") &&
        !joined.back().contains('=') && takes_value(std::string_view(joined.back()))) {
      joined.back() += '=' + argument;
    } else {
      joined.push_back(argument);
    }
  }
  return joined;
}

}  // namespace zcrx
