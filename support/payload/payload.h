// The payload that the peer sends and the receiver checks: bytes that are a function of (seed,
// offset).
//
// The stream consists of blocks of 4 KiB. Each seed has one table of random words; block n is that
// table with each word xor-ed with a key, which is a hash of (seed, n). So any offset is computed
// directly, no two blocks are equal (a stream repeats after 2^64 blocks), and checking costs little
// more than reading. Both ends must be little-endian; the build refuses others.
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
  // Writes the bytes of the stream from `offset` on to `out`.
  void Fill(uint64_t offset, std::span<std::byte> out) const;
  // Checks that `received` is the stream from `offset` on. The error names the first wrong offset,
  // both bytes there and the seed; where the data comes from, if that is elsewhere in the stream;
  // and where the stream is right again.
  [[nodiscard]] Status Check(uint64_t offset, std::span<const std::byte> received) const;

 private:
  static constexpr size_t kWords = kBlockBytes / sizeof(uint64_t);

  [[nodiscard]] uint64_t Key(uint64_t block) const;
  [[nodiscard]] bool Matches(uint64_t offset, std::span<const std::byte> received) const;
  // Returns the number of bytes from the first wrong one until the stream is right again.
  [[nodiscard]] size_t RunOfWrong(uint64_t offset, std::span<const std::byte> received) const;
  [[nodiscard]] std::string Origin(uint64_t offset, std::span<const std::byte> needle) const;
  // As Origin(), for data that begins with bytes of no known origin: the stream may begin later in
  // it.
  [[nodiscard]] std::string Shift(uint64_t offset, std::span<const std::byte> wrong) const;
  [[nodiscard]] Error Describe(uint64_t offset, std::span<const std::byte> received) const;

  uint64_t seed_;
  alignas(64) std::array<uint64_t, kWords> table_;
};

}  // namespace zcrx
