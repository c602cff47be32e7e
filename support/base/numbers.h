// Numbers in text.
#pragma once

#include <charconv>
#include <concepts>
#include <memory>
#include <optional>
#include <string_view>

namespace zcrx {

// Returns nullopt unless `text` is one number that `T` holds and nothing else: no blank, no plus,
// no 0x.
template <std::integral T>
std::optional<T> ParseNumber(std::string_view text, int base = 10) {
  T number = 0;
  const char* const end = std::to_address(text.end());
  const auto [stopped, error] = std::from_chars(std::to_address(text.begin()), end, number, base);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

}  // namespace zcrx
