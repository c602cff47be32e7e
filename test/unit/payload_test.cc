#include "support/payload/payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <set>
#include <vector>

#include "fixtures/result_matchers.h"

namespace zcrx {
namespace {

using ::testing::HasSubstr;

using Sizes = std::initializer_list<size_t>;

constexpr uint64_t kSeed = 42;

std::vector<std::byte> Bytes(const Payload& payload, uint64_t offset, size_t length) {
  std::vector<std::byte> bytes(length);
  payload.Fill(offset, bytes);
  return bytes;
}

// The two programs may be of different builds: the function is fixed. Computed apart from it, by
// the description in payload.h and splitmix64.
TEST(Payload, IsTheSameInEveryBuild) {
  const Payload payload(kSeed);
  uint64_t first = 0;
  std::memcpy(&first, Bytes(payload, 0, 8).data(), 8);
  uint64_t far = 0;
  std::memcpy(&far, Bytes(payload, (uint64_t{1} << 40) + 8, 8).data(), 8);
  EXPECT_EQ(first, 0xb4c2b8dad1d6fc90U);
  EXPECT_EQ(far, 0xb519ca1f1de2cdceU);
}

TEST(Payload, AnyPieceIsAPieceOfTheWhole) {
  const Payload payload(kSeed);
  const auto whole = Bytes(payload, 0, 3 * Payload::kBlockBytes);
  for (const size_t offset : Sizes{0, 1, 7, 8, 13, 4088, 4095, 4096, 4097, 8191}) {
    for (const size_t length : Sizes{0, 1, 7, 8, 9, 63, 4095, 4096, 4097}) {
      const auto piece = Bytes(payload, offset, length);
      EXPECT_TRUE(std::ranges::equal(piece, std::span(whole).subspan(offset, length)))
          << length << " bytes at offset " << offset;
    }
  }
  for (size_t offset = 0; offset < whole.size(); ++offset) {
    ASSERT_EQ(payload.At(offset), whole[offset]) << "offset " << offset;
  }
}

TEST(Payload, NoTwoBlocksAreAlike) {
  const Payload payload(kSeed);
  std::set<std::vector<std::byte>> words;
  for (uint64_t block = 0; block < 10000; ++block) {
    words.insert(Bytes(payload, block * Payload::kBlockBytes, 8));
  }
  EXPECT_EQ(words.size(), 10000);
}

TEST(Payload, NeighbouringSeedsShareNothing) {
  const auto one = Bytes(Payload(1), 0, 4096);
  const auto two = Bytes(Payload(2), 0, 4096);
  size_t same = 0;
  for (size_t i = 0; i < one.size(); ++i) same += one[i] == two[i] ? 1U : 0U;
  EXPECT_LT(same, 64);  // 16 by chance
}

TEST(PayloadCheck, TakesEveryPieceOfTheStream) {
  const Payload payload(kSeed);
  for (const uint64_t offset : {uint64_t{0}, uint64_t{1}, uint64_t{4095}, uint64_t{1} << 40}) {
    for (const size_t length : Sizes{0, 1, 8, 4095, 12840}) {
      EXPECT_TRUE(payload.Check(offset, Bytes(payload, offset, length)).has_value())
          << length << " bytes at offset " << offset;
    }
  }
}

TEST(PayloadCheck, FindsOneFlippedBitAtEveryPlace) {
  const Payload payload(kSeed);
  for (const uint64_t start : {uint64_t{0}, uint64_t{3}, uint64_t{4090}}) {
    auto bytes = Bytes(payload, start, 4200);
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] ^= std::byte{0x10};
      const Status status = payload.Check(start, bytes);
      ASSERT_FALSE(status.has_value()) << "byte " << i << " from offset " << start;
      ASSERT_THAT(status.error().operation,
                  HasSubstr(fmt::format("differs at offset {}:", start + i)));
      bytes[i] ^= std::byte{0x10};
    }
  }
}

TEST(PayloadCheck, NamesSeedOffsetAndBothBytes) {
  const Payload payload(kSeed);
  auto bytes = Bytes(payload, 1000, 16);
  const auto expected = std::to_integer<unsigned>(bytes[1]);
  bytes[1] = ~bytes[1];
  EXPECT_THAT(
      payload.Check(1000, bytes),
      FailsWithText(fmt::format("payload of seed 42 differs at offset 1001: expected "
                                "0x{:02x}, received 0x{:02x}: correct again from offset 1002",
                                expected, ~expected & 0xffU)));
}

// A stale segment in the middle of a stream.
TEST(PayloadCheck, TellsTheExtentOfTheDamage) {
  const Payload payload(kSeed);
  auto bytes = Bytes(payload, 0, 20000);
  std::ranges::copy(Bytes(payload, 1000, 1448), bytes.begin() + 9000);
  const Status status = payload.Check(0, bytes);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().detail,
            "these are the bytes of offset 1000, 8000 back (data repeated); correct again from "
            "offset 10448");
}

struct Misplaced {
  uint64_t offset;  // where the bytes should come from
  uint64_t origin;  // where they do
  const char* text;
};

class PayloadDiagnosis : public ::testing::TestWithParam<Misplaced> {};

TEST_P(PayloadDiagnosis, TellsWhereTheBytesComeFrom) {
  const Payload payload(kSeed);
  const Status status = payload.Check(GetParam().offset, Bytes(payload, GetParam().origin, 100));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().detail, GetParam().text);
}

// The kernel test's pattern repeats every 26 bytes and would miss a shift by 26 or 4096 * 13.
INSTANTIATE_TEST_SUITE_P(
    Shifts, PayloadDiagnosis,
    ::testing::Values(
        Misplaced{0, 26, "these are the bytes of offset 26, 26 further on (data lost)"},
        Misplaced{0, 1448, "these are the bytes of offset 1448, 1448 further on (data lost)"},
        Misplaced{8192, 4096, "these are the bytes of offset 4096, 4096 back (data repeated)"},
        Misplaced{53248, 0, "these are the bytes of offset 0, 53248 back (data repeated)"},
        Misplaced{uint64_t{1} << 40, (uint64_t{1} << 40) - 1048579,
                  "these are the bytes of offset 1099510579197, 1048579 back (data repeated)"}));

TEST(PayloadCheck, KnowsMemoryThatNothingWasWrittenTo) {
  const Payload payload(kSeed);
  auto bytes = Bytes(payload, 0, 4096);
  std::fill(bytes.begin() + 1448, bytes.end(), std::byte{0});
  const Status status = payload.Check(0, bytes);
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().operation, HasSubstr("differs at offset 1448:"));
  EXPECT_THAT(status.error().detail, HasSubstr("zeroes"));
}

TEST(PayloadCheck, KnowsPayloadThatIsShiftedWithinItsBuffer) {
  const Payload payload(kSeed);
  for (const size_t shift : Sizes{1, 2, 26}) {
    auto buffer = Bytes(Payload(kSeed + 1), 0, 1428);  // of another stream, so from nowhere
    std::ranges::copy(Bytes(payload, 50'000, 1428 - shift),
                      buffer.begin() + static_cast<std::ptrdiff_t>(shift));
    const Status status = payload.Check(50'000, buffer);
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().detail, fmt::format("shifted by {} within its buffer", shift));
  }
}

TEST(PayloadCheck, SaysNothingOfBytesFromNowhere) {
  const Payload payload(kSeed);
  const Status status = payload.Check(0, Bytes(Payload(kSeed + 1), 0, 4096));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().detail, "");
}

}  // namespace
}  // namespace zcrx
