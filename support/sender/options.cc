#include "support/sender/options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <limits>
#include <memory>
#include <ranges>
#include <string_view>
#include <utility>

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

// "12840", "1,2,3"; "1-9000" is each from 1 to 9000.
Status ParseSendSizes(std::string_view option, std::string_view text, std::vector<uint32_t>& out) {
  for (const auto part : text | std::views::split(',')) {
    const std::string_view range(part);
    const size_t dash = range.find('-');
    uint32_t low = 0;
    ZCRX_RETURN_IF_ERROR(
        ParseNumber<uint32_t>(option, range.substr(0, dash), 1, kMaxSendSize, low));
    uint32_t high = low;
    if (dash != std::string_view::npos) {
      ZCRX_RETURN_IF_ERROR(
          ParseNumber<uint32_t>(option, range.substr(dash + 1), low, kMaxSendSize, high));
    }
    if (out.size() + high - low >= kMaxSendSizes) {
      return Fail(fmt::format("{} has more than {} numbers", option, kMaxSendSizes));
    }
    for (uint32_t size = low; size <= high; ++size) out.push_back(size);
  }
  if (out.empty()) return Fail(fmt::format("{} has no number", option));
  return {};
}

template <typename Value>
using Word = std::pair<std::string_view, Value>;

template <typename Value>
Status ParseWord(std::string_view option, std::string_view text,
                 const std::array<Word<Value>, 2>& words, Value& out) {
  for (const auto& [word, value] : words) {
    if (word != text) continue;
    out = value;
    return {};
  }
  return Fail(fmt::format("{} '{}'", option, text), 0,
              fmt::format("neither {} nor {}", words[0].first, words[1].first));
}

struct Option {
  std::string_view name;
  std::function<Status(std::string_view)> parse;
  bool optional = false;
  bool seen = false;
};

template <typename Number>
Option NumberOption(std::string_view name, Number low, Number high, Number& out) {
  return {name,
          [=, &out](std::string_view text) { return ParseNumber(name, text, low, high, out); }};
}

Option Optional(Option option) {
  option.optional = true;
  return option;
}

template <typename Value>
Option WordOption(std::string_view name, const std::array<Word<Value>, 2>& words, Value& out) {
  return Optional({.name = name, .parse = [=, &out](std::string_view text) {
                     return ParseWord(name, text, words, out);
                   }});
}

Option TextOption(std::string_view name, std::string& out) {
  return {.name = name, .parse = [&out](std::string_view text) -> Status {
            out = text;
            return {};
          }};
}

Status Parse(std::span<const char* const> arguments, std::span<Option> options) {
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
    if (!option.seen && !option.optional) return Fail(fmt::format("{} is missing", option.name));
  }
  return {};
}

}  // namespace

Result<SendOptions> ParseSendOptions(std::span<const char* const> arguments) {
  SendOptions result;
  std::array options = {
      TextOption("--address", result.address),
      NumberOption<uint16_t>("--port", 1, std::numeric_limits<uint16_t>::max(), result.port),
      NumberOption<uint64_t>("--bytes", 0, std::numeric_limits<int64_t>::max(), result.bytes),
      Option{"--send-size",
             [&](std::string_view text) {
               return ParseSendSizes("--send-size", text, result.send_sizes);
             }},
      NumberOption<uint64_t>("--seed", 0, std::numeric_limits<uint64_t>::max(), result.seed),
      NumberOption<uint32_t>("--deadline-ms", 1, std::numeric_limits<int32_t>::max(),
                             result.deadline_ms),
      Optional(NumberOption<uint32_t>("--lease-ms", 1, std::numeric_limits<int32_t>::max(),
                                      result.lease_ms)),
      WordOption<bool>("--separate", {{{"no", false}, {"yes", true}}}, result.separate),
      WordOption<Ending>("--end", {{{"close", Ending::kClose}, {"reset", Ending::kReset}}},
                         result.ending),
      Optional(NumberOption<uint32_t>("--times", 1, kMaxTimes, result.times)),
      Optional(NumberOption<uint32_t>("--bytes-per-second", 0, std::numeric_limits<int32_t>::max(),
                                      result.bytes_per_s)),
      Optional(NumberOption<uint32_t>("--ip-options", 0, kMaxExtensionHeader, result.ip_options)),
      Optional(NumberOption<uint32_t>("--hop-by-hop", 0, kMaxExtensionHeader, result.hop_by_hop)),
  };
  ZCRX_RETURN_IF_ERROR(Parse(arguments, options));
  return result;
}

Result<CaretakerOptions> ParseCaretakerOptions(std::span<const char* const> arguments) {
  CaretakerOptions result;
  std::array options = {
      TextOption("--file", result.file),
      NumberOption<uint32_t>("--lease-ms", 1, std::numeric_limits<int32_t>::max(), result.lease_ms),
  };
  ZCRX_RETURN_IF_ERROR(Parse(arguments, options));
  return result;
}

}  // namespace zcrx
