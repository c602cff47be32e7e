#include "support/zcrx/refill_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <limits>
#include <vector>

namespace zcrx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uapi::io_uring_zcrx_offsets kOffsets = {
    .head = 0, .tail = 64, .rqes = 128, .resv2 = 0, .resv = {}};

// The other side of the ring, as io_uring/zcrx.c reads it.
class FakeKernel {
 public:
  explicit FakeKernel(uint32_t entries, uint32_t start = 0) : entries_(entries), head_(start) {
    Word(kOffsets.head) = start;
    Word(kOffsets.tail) = start;
  }
  std::span<std::byte> Region() { return memory_; }
  [[nodiscard]] uint32_t Tail() { return Word(kOffsets.tail); }

  // Takes up to `count` published entries, and says which offsets they gave back.
  std::vector<uint64_t> Take(uint32_t count) {
    std::vector<uint64_t> offsets;
    while (offsets.size() < count && head_ != Tail()) {
      const size_t at = kOffsets.rqes + (head_ & (entries_ - 1)) * sizeof(uapi::io_uring_zcrx_rqe);
      offsets.push_back(reinterpret_cast<uapi::io_uring_zcrx_rqe*>(&memory_.at(at))->off);
      ++head_;
    }
    Word(kOffsets.head) = head_;
    return offsets;
  }

 private:
  uint32_t& Word(uint32_t offset) { return *reinterpret_cast<uint32_t*>(&memory_.at(offset)); }

  alignas(64) std::array<std::byte, 4096> memory_ = {};
  uint32_t entries_;
  uint32_t head_;
};

TEST(RefillRing, ShowsNothingBeforeItIsPublished) {
  FakeKernel kernel(4);
  RefillRing ring = *RefillRing::Map(kernel.Region(), kOffsets, 4);
  EXPECT_TRUE(ring.Push(0x1000, 100));
  EXPECT_THAT(kernel.Take(4), IsEmpty());
  ring.Publish();
  EXPECT_THAT(kernel.Take(4), ElementsAre(0x1000));
}

TEST(RefillRing, RefusesWhenFullUntilTheKernelTakes) {
  FakeKernel kernel(4);
  RefillRing ring = *RefillRing::Map(kernel.Region(), kOffsets, 4);
  for (uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(ring.Push(i, 1)) << i;
  EXPECT_FALSE(ring.Push(4, 1));
  ring.Publish();
  EXPECT_FALSE(ring.Push(4, 1)) << "publishing frees nothing";
  EXPECT_THAT(kernel.Take(1), ElementsAre(0));
  EXPECT_TRUE(ring.Push(4, 1));
  EXPECT_FALSE(ring.Push(5, 1));
  ring.Publish();
  EXPECT_THAT(kernel.Take(9), ElementsAre(1, 2, 3, 4));
}

TEST(RefillRing, KeepsWhatDoesNotFitAndGivesItLaterInOrder) {
  FakeKernel kernel(2);
  RefillRing ring = *RefillRing::Map(kernel.Region(), kOffsets, 2);
  for (uint64_t i = 0; i < 5; ++i) ring.Return(i, 1);
  EXPECT_EQ(ring.Kept(), 3);
  EXPECT_EQ(ring.Flush(), 3);
  EXPECT_THAT(kernel.Take(9), ElementsAre(0, 1));
  ring.Return(5, 1);  // there is room, but 2, 3 and 4 came before
  EXPECT_EQ(ring.Flush(), 2);
  EXPECT_THAT(kernel.Take(9), ElementsAre(2, 3));
  EXPECT_EQ(ring.Flush(), 0);
  EXPECT_THAT(kernel.Take(9), ElementsAre(4, 5));
}

// The counters run freely through 2^32.
TEST(RefillRing, NeitherLosesNorRepeatsAcrossTheWrap) {
  constexpr uint32_t kStart = std::numeric_limits<uint32_t>::max() - 5;
  FakeKernel kernel(4, kStart);
  RefillRing ring = *RefillRing::Map(kernel.Region(), kOffsets, 4);
  for (uint64_t i = 0; i < 100; ++i) {
    ring.Return(2 * i, 1);
    ring.Return(2 * i + 1, 1);
    ASSERT_EQ(ring.Flush(), 0);
    ASSERT_THAT(kernel.Take(4), ElementsAre(2 * i, 2 * i + 1));
  }
  EXPECT_EQ(kernel.Tail(), kStart + 200);
}

struct BadRing {
  const char* name;
  uapi::io_uring_zcrx_offsets offsets;
  uint32_t entries;
  const char* text;
};

class RefillRingMap : public ::testing::TestWithParam<BadRing> {};

TEST_P(RefillRingMap, RefusesWhatLiesOutsideTheRegion) {
  FakeKernel kernel(4);
  const auto ring = RefillRing::Map(kernel.Region(), GetParam().offsets, GetParam().entries);
  ASSERT_FALSE(ring.has_value());
  EXPECT_THAT(ring.error().Text(), HasSubstr(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    BadAnswers, RefillRingMap,
    ::testing::Values(
        BadRing{"head_outside", {4096, 64, 128, 0, {}}, 4, "head at offset 4096"},
        BadRing{"head_askew", {2, 64, 128, 0, {}}, 4, "head at offset 2"},
        BadRing{"tail_half_outside", {0, 4094, 128, 0, {}}, 4, "tail at offset 4094"},
        BadRing{"entries_outside", {0, 64, 4080, 0, {}}, 4, "entries at offset 4080"},
        BadRing{"too_many_entries", {0, 64, 128, 0, {}}, 256, "entries at offset 128"},
        BadRing{"product_overflows", {0, 64, 128, 0, {}}, 1U << 31, "entries at offset 128"},
        BadRing{"no_entries", {0, 64, 128, 0, {}}, 0, "not a power of two"},
        BadRing{"odd_entries", {0, 64, 128, 0, {}}, 3, "not a power of two"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(RefillRingMap, TakesARegionThatFitsExactly) {
  FakeKernel kernel(128);
  const uint32_t entries = 128;
  const auto region =
      kernel.Region().first(kOffsets.rqes + entries * sizeof(uapi::io_uring_zcrx_rqe));
  EXPECT_TRUE(RefillRing::Map(region, kOffsets, entries).has_value());
  EXPECT_FALSE(RefillRing::Map(region.first(region.size() - 1), kOffsets, entries).has_value());
}

}  // namespace
}  // namespace zcrx
