// A fuzzer's input, read as a script: numbers and choices from its front.
//
// Plain bytes would rarely get past a model's first check. So each target brings its NIC up as a
// driver does, and lets the input choose steps, each a valid one with hostile edits.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "ci/vnic/base/endian.h"
#include "test/unit/vnic_fakes.h"

namespace vnic::fuzz {

// Behind its end stand zeros: every input is a whole script, and a cut one is tamer.
class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : left_(bytes) {}

  [[nodiscard]] bool Empty() const { return left_.empty(); }
  // At most `count`.
  std::span<const std::uint8_t> Take(std::size_t count) {
    const auto taken = left_.first(std::min(count, left_.size()));
    left_ = left_.subspan(taken.size());
    return taken;
  }
  template <std::unsigned_integral T>
  T Number() {
    std::array<std::uint8_t, sizeof(T)> bytes{};
    std::ranges::copy(Take(sizeof(T)), bytes.begin());
    return LoadAt<Ordered<T, std::endian::little>>(bytes);
  }
  std::uint8_t Byte() { return Number<std::uint8_t>(); }
  // From 0 to `end` - 1, at most 255.
  std::uint8_t Below(std::size_t end) { return static_cast<std::uint8_t>(Byte() % end); }
  bool Coin() { return (Byte() & 1U) != 0; }
  template <typename Range>
  auto OneOf(const Range& values) {
    return values[Below(std::size(values))];
  }

 private:
  std::span<const std::uint8_t> left_;
};

// Each input ends after this many steps, however long it is.
inline constexpr int kMostSteps = 64;

// What has to hold whatever the guest does.
inline void Require(bool holds) {
  if (!holds) std::abort();
}

// All memory of the guest.
inline constexpr std::uint64_t kMemory = std::uint64_t{1} << 20U;

// Most often within the guest's memory.
inline GuestAddress AnyAddress(Input& input) {
  const std::uint8_t kind = input.Byte();
  const GuestAddress inside = FakeGuest::kBase + std::uint64_t{input.Number<std::uint16_t>()} * 16;
  switch (kind % 8) {
    case 4:
      return inside + input.Byte();
    case 5:
      return FakeGuest::kBase + kMemory - input.Byte();
    case 6:
      return FakeGuest::kUnmapped;
    case 7:
      return input.Number<std::uint64_t>();
    default:
      return inside;
  }
}

// Overwrites up to three places of what was valid. `Order`: of addresses.
template <std::endian Order>
void Edit(Input& input, std::span<std::uint8_t> bytes) {
  if (bytes.empty()) return;
  for (int left = input.Below(4); left > 0; --left) {
    const std::size_t at = bytes.size() > 256 ? input.Number<std::uint16_t>() : input.Byte();
    const auto rest = bytes.subspan(at % bytes.size());
    const std::uint8_t kind = input.Below(4);
    if (kind < 3) {
      std::ranges::copy(input.Take(std::min(rest.size(), std::size_t{1} << kind)), rest.begin());
    } else if (const Ordered<std::uint64_t, Order> address = AnyAddress(input);
               rest.size() >= sizeof address) {
      StoreAt(rest, 0, address);
    }
  }
}
template <std::endian Order>
void Edit(Input& input, Plain auto& value) {
  Edit<Order>(input, std::span(reinterpret_cast<std::uint8_t*>(&value), sizeof value));
}

}  // namespace vnic::fuzz
