// What the peer sends and the receiver checks: bytes that are a function of (seed, offset).
//
// The stream is cut into blocks of 4 KiB. Block n is a table of random words, one table a seed,
// each word xor-ed with a key that is a hash of (seed, n). So any offset is reached at once, no
// two blocks are alike (a stream repeats after 2^64 of them), and checking costs little more than
// reading. Both ends are taken to be little-endian, and the build refuses others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "support/base/result.h"

namespace zcrx {

class Payload {
 public:
  static constexpr size_t kBlockBytes = 4096;

  explicit Payload(uint64_t seed);

  [[nodiscard]] uint64_t Seed() const { return seed_; }
  [[nodiscard]] std::byte At(uint64_t offset) const;
  // Writes the bytes of the stream from `offset` on.
  void Fill(uint64_t offset, std::span<std::byte> out) const;
  // Whether `received` is the stream from `offset` on. The error names the first bad offset, both
  // bytes there and the seed; it says where the data comes from, if that is elsewhere in the
  // stream, and from where on it is right again.
  [[nodiscard]] Status Check(uint64_t offset, std::span<const std::byte> received) const;

 private:
  static constexpr size_t kWords = kBlockBytes / sizeof(uint64_t);

  [[nodiscard]] uint64_t Key(uint64_t block) const;
  [[nodiscard]] bool Matches(uint64_t offset, std::span<const std::byte> received) const;
  // How many bytes from the first, wrong one on until the stream is right again.
  [[nodiscard]] size_t RunOfWrong(uint64_t offset, std::span<const std::byte> received) const;
  [[nodiscard]] std::string Origin(uint64_t offset, std::span<const std::byte> needle) const;
  // The same of data that begins with bytes from nowhere: it may lie further on in its buffer.
  [[nodiscard]] std::string Shift(uint64_t offset, std::span<const std::byte> wrong) const;
  [[nodiscard]] Error Describe(uint64_t offset, std::span<const std::byte> received) const;

  uint64_t seed_;
  alignas(64) std::array<uint64_t, kWords> table_;
};

}  // namespace zcrx
