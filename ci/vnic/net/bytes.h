// Numbers in network byte order, at any alignment.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

namespace vnic {

static_assert(std::endian::native == std::endian::little);

template <std::unsigned_integral T>
T SwapBytes(T value) {
  if constexpr (sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
}

// The caller has checked that sizeof(T) bytes are there.
template <std::unsigned_integral T>
T LoadBe(const std::uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return SwapBytes(value);
}

template <std::unsigned_integral T>
void StoreBe(std::uint8_t* to, T value) {
  value = SwapBytes(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace vnic
