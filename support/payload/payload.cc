#include "support/payload/payload.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <vector>

namespace zcrx {
namespace {

static_assert(std::endian::native == std::endian::little);

// splitmix64: a bijection, so different inputs have different outputs.
constexpr uint64_t Mix(uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

// Calls act(block, position in the block, position in the range, bytes) for each block in the
// range, until it returns false.
template <typename Act>
bool ForEachBlock(uint64_t offset, size_t length, Act&& act) {
  for (size_t done = 0; done < length;) {
    const size_t start = static_cast<size_t>((offset + done) % Payload::kBlockBytes);
    const size_t bytes = std::min(Payload::kBlockBytes - start, length - done);
    if (!act((offset + done) / Payload::kBlockBytes, start, done, bytes)) return false;
    done += bytes;
  }
  return true;
}

uint64_t LoadWord(const std::byte* from) {
  uint64_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// Size of the pattern that is searched in the stream to find where misplaced data comes from. 8
// random bytes match somewhere in the range below once in 2^38 times.
constexpr size_t kNeedleBytes = 8;
constexpr uint64_t kSearchReach = uint64_t{32} << 20;  // on either side of the offset

std::optional<uint64_t> FindInStream(const Payload& payload, uint64_t around,
                                     std::span<const std::byte> needle) {
  // Blocks overlap by the needle, so that a match across a boundary is found.
  std::vector<std::byte> block((size_t{1} << 20) + kNeedleBytes - 1);
  const uint64_t first = around - std::min(around, kSearchReach);
  for (uint64_t at = first; at < around + kSearchReach; at += size_t{1} << 20) {
    payload.Fill(at, block);
    const void* hit = memmem(block.data(), block.size(), needle.data(), needle.size());
    if (hit != nullptr) {
      return at + static_cast<uint64_t>(static_cast<const std::byte*>(hit) - block.data());
    }
  }
  return std::nullopt;
}

}  // namespace

Payload::Payload(uint64_t seed) : seed_(seed) {
  uint64_t state = Mix(seed);
  for (uint64_t& word : table_) word = state = Mix(state);
}

// The seed is mixed first, so that neighbouring seeds do not give neighbouring streams.
uint64_t Payload::Key(uint64_t block) const { return Mix(Mix(seed_ ^ 0x7a637278U) ^ block); }

std::byte Payload::At(uint64_t offset) const {
  const uint64_t word = table_[offset % kBlockBytes / sizeof(uint64_t)] ^ Key(offset / kBlockBytes);
  return static_cast<std::byte>(word >> (offset % sizeof(uint64_t) * 8));
}

void Payload::Fill(uint64_t offset, std::span<std::byte> out) const {
  const auto* table = reinterpret_cast<const std::byte*>(table_.data());
  ForEachBlock(offset, out.size(), [&](uint64_t block, size_t start, size_t done, size_t bytes) {
    // The key as seen from `start`: rotated so that whole words can be read from any byte on.
    const uint64_t key = std::rotr(Key(block), static_cast<int>(start % sizeof(uint64_t) * 8));
    size_t i = 0;
    for (; i + sizeof(uint64_t) <= bytes; i += sizeof(uint64_t)) {
      const uint64_t word = LoadWord(table + start + i) ^ key;
      std::memcpy(out.data() + done + i, &word, sizeof(word));
    }
    for (; i < bytes; ++i) out[done + i] = At(offset + done + i);
    return true;
  });
}

// The loop over words has no branch, so that the compiler vectorizes it.
bool Payload::Matches(uint64_t offset, std::span<const std::byte> received) const {
  const auto* table = reinterpret_cast<const std::byte*>(table_.data());
  return ForEachBlock(
      offset, received.size(), [&](uint64_t block, size_t start, size_t done, size_t bytes) {
        const uint64_t key = std::rotr(Key(block), static_cast<int>(start % sizeof(uint64_t) * 8));
        const std::byte* from = received.data() + done;
        uint64_t wrong = 0;
        size_t i = 0;
        for (; i + sizeof(uint64_t) <= bytes; i += sizeof(uint64_t)) {
          wrong |= LoadWord(from + i) ^ LoadWord(table + start + i) ^ key;
        }
        for (; i < bytes; ++i) {
          wrong |= static_cast<uint64_t>(from[i] ^ At(offset + done + i));
        }
        return wrong == 0;
      });
}

Status Payload::Check(uint64_t offset, std::span<const std::byte> received) const {
  if (Matches(offset, received)) return {};
  return std::unexpected(Describe(offset, received));
}

size_t Payload::RunOfWrong(uint64_t offset, std::span<const std::byte> received) const {
  size_t right = 0;
  for (size_t i = 0; i < received.size(); ++i) {
    right = received[i] == At(offset + i) ? right + 1 : 0;
    if (right == kNeedleBytes) return i + 1 - right;
  }
  return received.size() - right;
}

std::string Payload::Origin(uint64_t offset, std::span<const std::byte> needle) const {
  if (std::ranges::all_of(needle, [](std::byte byte) { return byte == std::byte{0}; })) {
    return "zeroes: memory that was never written";
  }
  const auto found = FindInStream(*this, offset, needle);
  if (!found.has_value()) return {};
  return *found > offset
             ? fmt::format("these are the bytes of offset {}, {} further on (data lost)", *found,
                           *found - offset)
             : fmt::format("these are the bytes of offset {}, {} back (data repeated)", *found,
                           offset - *found);
}

std::string Payload::Shift(uint64_t offset, std::span<const std::byte> wrong) const {
  const uint64_t last = offset + wrong.size() - kNeedleBytes;
  const auto found = FindInStream(*this, last, wrong.last(kNeedleBytes));
  if (!found.has_value() || *found >= last || last - *found >= wrong.size()) return {};
  return fmt::format("shifted by {} within its buffer", last - *found);
}

Error Payload::Describe(uint64_t offset, std::span<const std::byte> received) const {
  size_t bad = 0;
  while (bad < received.size() && received[bad] == At(offset + bad)) ++bad;
  const uint64_t at = offset + bad;
  Error error;
  error.operation = fmt::format(
      "payload of seed {} differs at offset {}: expected 0x{:02x}, received 0x{:02x}", seed_, at,
      std::to_integer<unsigned>(At(at)), std::to_integer<unsigned>(received[bad]));
  const auto wrong = received.subspan(bad, RunOfWrong(at, received.subspan(bad)));
  if (wrong.size() >= kNeedleBytes) error.detail = Origin(at, wrong.first(kNeedleBytes));
  if (wrong.size() >= kNeedleBytes && error.detail.empty()) error.detail = Shift(at, wrong);
  if (bad + wrong.size() < received.size()) {
    error.detail += fmt::format("{}correct again from offset {}", error.detail.empty() ? "" : "; ",
                                at + wrong.size());
  }
  return error;
}

}  // namespace zcrx
