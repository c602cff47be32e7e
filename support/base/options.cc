#include "support/base/options.h"

#include <algorithm>

namespace zcrx {

Option Flag(std::string_view name, std::string_view help, bool& out) {
  return {.name = name,
          .value = {},
          .help = help,
          .take = [&out](std::string_view) -> Status {
            out = true;
            return {};
          },
          .now = out ? "set" : ""};
}

Option Text(std::string_view name, std::string_view value, std::string_view help,
            std::string& out) {
  return {.name = name,
          .value = value,
          .help = help,
          .take = [&out](std::string_view text) -> Status {
            out = text;
            return {};
          },
          .now = out};
}

std::unexpected<Error> Misused(std::string_view sentence) {
  return Fail(fmt::format("{}; see --help", sentence));
}

Status ParseOptions(std::span<const char* const> arguments, std::span<const Option> options,
                    std::vector<std::string>* words) {
  std::vector<bool> seen(options.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (!argument.starts_with('-')) {
      if (words == nullptr) return Misused(fmt::format("unexpected argument \"{}\"", argument));
      words->emplace_back(argument);
      continue;
    }
    const size_t equals = std::min(argument.find('='), argument.size());
    const std::string_view name = argument.substr(0, equals);
    const auto option = std::ranges::find(options, name == "-h" ? "--help" : name, &Option::name);
    if (option == options.end()) return Misused(fmt::format("unknown option \"{}\"", name));
    const auto index = static_cast<size_t>(option - options.begin());
    if (seen[index] && !option->repeats) return Misused(fmt::format("{} is given twice", name));
    seen[index] = true;
    std::string_view value;
    if (option->value.empty()) {
      if (equals != argument.size()) return Misused(fmt::format("{} takes no value", name));
    } else {
      if (equals != argument.size()) {
        value = argument.substr(equals + 1);
      } else if (i + 1 < arguments.size() && *arguments[i + 1] != '-') {
        value = arguments[++i];
      }
      if (value.empty()) return Misused(fmt::format("{} needs a value", name));
    }
    if (const Status taken = option->take(value); !taken) {
      return Misused(fmt::format("{} \"{}\": {}", name, value, taken.error().Text()));
    }
    if (option->ends) return {};
  }
  for (size_t i = 0; i < options.size(); ++i) {
    if (options[i].required && !seen[i]) {
      return Misused(fmt::format("{} is missing", options[i].name));
    }
  }
  return {};
}

std::string OptionsHelp(std::span<const Option> options) {
  std::string text;
  for (const Option& option : options) {
    text += fmt::format(
        "  {:<24} {}\n",
        fmt::format("{}{}{}", option.name, option.value.empty() ? "" : "=", option.value),
        option.help);
  }
  return text;
}

std::vector<std::string> OptionWords(std::span<const Option> options) {
  std::vector<std::string> words;
  for (const Option& option : options) {
    if (!option.value.empty()) {
      words.push_back(fmt::format("{}={}", option.name, option.now));
    } else if (!option.now.empty()) {
      words.emplace_back(option.name);
    }
  }
  return words;
}

}  // namespace zcrx
