#include "support/sender/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>

namespace zcrx {
namespace {

template <typename Number>
Status ParseNumber(std::string_view option, std::string_view text, Number low, Number high,
                   Number& out) {
  const char* const begin = std::to_address(text.begin());
  const char* const end = std::to_address(text.end());
  const auto [stopped, error] = std::from_chars(begin, end, out);
  if (error != std::errc() || stopped != end || out < low || out > high) {
    return Fail(fmt::format("{} '{}'", option, text), 0,
                fmt::format("not a decimal number from {} to {}", low, high));
  }
  return {};
}

struct Option {
  std::string_view name;
  std::function<Status(std::string_view)> parse;
  bool seen = false;
};

template <typename Number>
Option NumberOption(std::string_view name, Number low, Number high, Number& out) {
  return {name,
          [=, &out](std::string_view text) { return ParseNumber(name, text, low, high, out); }};
}

}  // namespace

Result<SendOptions> ParseSendOptions(std::span<const char* const> arguments) {
  SendOptions result;
  std::array options = {
      Option{"--address",
             [&](std::string_view text) -> Status {
               result.address = text;
               return {};
             }},
      NumberOption<uint16_t>("--port", 1, std::numeric_limits<uint16_t>::max(), result.port),
      NumberOption<uint64_t>("--bytes", 1, std::numeric_limits<int64_t>::max(), result.bytes),
      NumberOption<uint32_t>("--send-size", 1, kMaxSendSize, result.send_size),
      NumberOption<uint64_t>("--seed", 0, std::numeric_limits<uint64_t>::max(), result.seed),
      NumberOption<uint32_t>("--deadline-ms", 1, std::numeric_limits<int32_t>::max(),
                             result.deadline_ms),
  };
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const auto option = std::ranges::find(options, name, &Option::name);
    if (option == options.end()) return Fail(fmt::format("unknown option '{}'", name));
    if (option->seen) return Fail(fmt::format("{} is given twice", name));
    if (equals == std::string_view::npos && ++i == arguments.size()) {
      return Fail(fmt::format("{} has no value", name));
    }
    ZCRX_RETURN_IF_ERROR(option->parse(equals == std::string_view::npos
                                           ? std::string_view(arguments[i])
                                           : argument.substr(equals + 1)));
    option->seen = true;
  }
  for (const Option& option : options) {
    if (!option.seen) return Fail(fmt::format("{} is missing", option.name));
  }
  return result;
}

}  // namespace zcrx
