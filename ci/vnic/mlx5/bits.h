// Bit fields of firmware structures: words of 32 bits, big-endian
// (Linux include/linux/mlx5/mlx5_ifc.h, device.h: MLX5_GET, MLX5_SET).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ci/vnic/base/endian.h"

namespace vnic::mlx5 {

// `width` bits of the word at byte `word`, above its `shift` lowest ones.
struct Field {
  std::uint16_t word;
  std::uint8_t shift;
  std::uint8_t width;

  [[nodiscard]] constexpr std::uint32_t Mask() const {
    return width >= 32 ? ~std::uint32_t{0} : (std::uint32_t{1} << width) - 1;
  }
};

// Reads a structure that the driver wrote. It may be cut short: what is behind its end reads as
// zeros.
class Bits {
 public:
  Bits() = default;
  explicit Bits(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::uint32_t operator[](Field field) const {
    return Word(field.word) >> field.shift & field.Mask();
  }
  [[nodiscard]] bool Has(Field field) const { return (*this)[field] != 0; }
  [[nodiscard]] std::uint32_t Word(std::size_t at) const {
    return InBounds(at, sizeof(Be32)) ? std::uint32_t{LoadAt<Be32>(bytes_, at)} : 0;
  }
  [[nodiscard]] std::uint64_t Long(std::size_t at) const {
    return std::uint64_t{Word(at)} << 32U | Word(at + sizeof(Be32));
  }
  // The structure that begins at `at`.
  [[nodiscard]] Bits From(std::size_t at) const {
    return Bits(at < bytes_.size() ? bytes_.subspan(at) : std::span<const std::uint8_t>{});
  }
  [[nodiscard]] std::span<const std::uint8_t> Bytes() const { return bytes_; }
  [[nodiscard]] std::size_t Size() const { return bytes_.size(); }

 private:
  [[nodiscard]] bool InBounds(std::size_t at, std::size_t size) const {
    return at <= bytes_.size() && size <= bytes_.size() - at;
  }
  std::span<const std::uint8_t> bytes_;
};

// Writes a structure for the driver, who says how much of it he wants: what is behind its end is
// not written.
class BitWriter {
 public:
  explicit BitWriter(std::span<std::uint8_t> bytes) : bytes_(bytes) {}

  void Set(Field field, std::uint32_t value) {
    const std::uint32_t mask = field.Mask() << field.shift;
    const std::uint32_t others = Bits(bytes_).Word(field.word) & ~mask;
    SetWord(field.word, others | (value << field.shift & mask));
  }
  void SetWord(std::size_t at, std::uint32_t value) {
    if (at <= bytes_.size() && sizeof(Be32) <= bytes_.size() - at) {
      StoreAt(bytes_, at, Be32(value));
    }
  }
  [[nodiscard]] BitWriter From(std::size_t at) const {
    return BitWriter(at < bytes_.size() ? bytes_.subspan(at) : std::span<std::uint8_t>{});
  }
  [[nodiscard]] std::span<std::uint8_t> Bytes() const { return bytes_; }

 private:
  std::span<std::uint8_t> bytes_;
};

}  // namespace vnic::mlx5
