// Integers of a stated byte order, as descriptors, registers and packets hold them.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace vnic {

// Bytes in memory order: no alignment, so that structures of them have no padding.
template <std::unsigned_integral T, std::endian Order>
class Ordered {
 public:
  constexpr Ordered() = default;
  // Implicit both ways: a field of a wire structure reads and assigns like the number it holds.
  constexpr Ordered(T value)  // NOLINT(google-explicit-constructor): see above
      : bytes_(std::bit_cast<Bytes>(Convert(value))) {}
  constexpr operator T() const {  // NOLINT(google-explicit-constructor): see above
    return Convert(std::bit_cast<T>(bytes_));
  }

 private:
  using Bytes = std::array<std::uint8_t, sizeof(T)>;
  static constexpr T Convert(T value) {
    return Order == std::endian::native ? value : std::byteswap(value);
  }
  Bytes bytes_{};
};

using Be16 = Ordered<std::uint16_t, std::endian::big>;
using Be32 = Ordered<std::uint32_t, std::endian::big>;
using Be64 = Ordered<std::uint64_t, std::endian::big>;
using Le16 = Ordered<std::uint16_t, std::endian::little>;
using Le32 = Ordered<std::uint32_t, std::endian::little>;
using Le64 = Ordered<std::uint64_t, std::endian::little>;

// A structure that may be copied out of and into raw memory as it stands.
template <typename T>
concept Plain = std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T>;

// Precondition: offset + sizeof(T) <= bytes.size().
template <Plain T>
T LoadAt(std::span<const std::uint8_t> bytes, std::size_t offset = 0) {
  T value;
  std::memcpy(&value, bytes.subspan(offset, sizeof(T)).data(), sizeof(T));
  return value;
}
template <Plain T>
void StoreAt(std::span<std::uint8_t> bytes, std::size_t offset, const T& value) {
  std::memcpy(bytes.subspan(offset, sizeof(T)).data(), &value, sizeof(T));
}

// The bytes of `value` as they stand in memory.
std::span<const std::uint8_t> BytesOf(const Plain auto& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

}  // namespace vnic
