// CRC-64/XZ (ECMA-182, reflected). Detects every change within 64 consecutive bits, and misses any
// other with a probability of 2^-64.
#pragma once

#include <cstdint>
#include <string_view>

namespace zcrx {

constexpr uint64_t Crc64(std::string_view bytes) {
  constexpr uint64_t kPolynomial = 0xc96c5795d7870f42;
  uint64_t crc = ~uint64_t{0};
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
  }
  return ~crc;
}

static_assert(Crc64("123456789") == 0x995dc9bbdf1939fa);  // the check value of the definition

}  // namespace zcrx
