#include "ci/vnic/net/toeplitz.h"

#include <algorithm>

namespace vnic {

std::uint32_t Toeplitz(const ToeplitzKey& key, std::span<const std::uint8_t> input) {
  constexpr std::size_t kWindowBytes = sizeof(std::uint32_t);
  // The window is the upper half; the next key byte enters eight bits below it.
  std::uint64_t window = 0;
  for (std::size_t i = 0; i < kWindowBytes; ++i) window = window << 8U | key[i];
  window <<= 32U;

  std::uint32_t hash = 0;
  const std::size_t length = std::min(input.size(), key.size() - kWindowBytes);
  for (std::size_t i = 0; i < length; ++i) {
    window |= std::uint64_t{key[i + kWindowBytes]} << 24U;
    for (unsigned bit = 0; bit < 8; ++bit) {
      const std::uint32_t selected = 0U - (std::uint32_t{input[i]} >> (7U - bit) & 1U);
      hash ^= static_cast<std::uint32_t>(window >> 32U) & selected;
      window <<= 1U;
    }
  }
  return hash;
}

}  // namespace vnic
