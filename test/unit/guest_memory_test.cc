#include "ci/vnic/device/guest_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <limits>

#include "fixtures/result_matchers.h"
#include "test/unit/vnic_fakes.h"

namespace vnic {
namespace {

using zcrx::FailsWith;

constexpr DmaAccess kBoth{.read = true, .write = true};
constexpr GuestAddress kLast = std::numeric_limits<GuestAddress>::max();

TEST(GuestMemory, GivesOnlyWhatLiesInOneRegion) {
  GuestMemory memory;
  ASSERT_TRUE(memory.Map(0x10000, 0x2000, MemoryFile(0x2000), 0, kBoth));
  ASSERT_TRUE(memory.Map(0x12000, 0x1000, MemoryFile(0x1000), 0, kBoth));

  EXPECT_EQ(memory.Readable(0x10000, 0x2000).size(), 0x2000U);
  EXPECT_EQ(memory.Writable(0x11fff, 1).size(), 1U);
  EXPECT_TRUE(memory.Readable(0xffff, 1).empty()) << "a byte before";
  EXPECT_TRUE(memory.Readable(0xffff, 2).empty()) << "from before into it";
  EXPECT_TRUE(memory.Readable(0x11fff, 2).empty()) << "across two regions";
  EXPECT_TRUE(memory.Readable(0x13000, 1).empty()) << "a byte behind";
  EXPECT_TRUE(memory.Readable(0x10000, 0).empty()) << "no byte";
  EXPECT_TRUE(memory.Readable(0x10001, kLast).empty()) << "a length that wraps around";
  EXPECT_TRUE(memory.Readable(kLast, 2).empty()) << "an address that wraps around";
}

TEST(GuestMemory, ReadsWhatTheFileHoldsAtAnOffsetThatIsNoPage) {
  GuestMemory memory;
  const zcrx::UniqueFd file = MemoryFile(0x3000);
  ASSERT_EQ(::pwrite(file.Get(), "payload", 7, 0x1234), 7);
  ASSERT_TRUE(memory.Map(0x10001, 7, file, 0x1234, kBoth));

  const auto bytes = memory.Readable(0x10001, 7);

  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), "payload");
  EXPECT_TRUE(memory.Readable(0x10001, 8).empty());
  EXPECT_TRUE(memory.Readable(0x10000, 1).empty());
}

TEST(GuestMemory, HonoursTheAccessOfARegion) {
  GuestMemory memory;
  const zcrx::UniqueFd file = MemoryFile(0x3000);
  ASSERT_TRUE(memory.Map(0x1000, 0x1000, file, 0, {.read = true, .write = false}));
  ASSERT_TRUE(memory.Map(0x2000, 0x1000, file, 0x1000, {.read = false, .write = true}));

  EXPECT_FALSE(memory.Readable(0x1000, 4).empty());
  EXPECT_TRUE(memory.Writable(0x1000, 4).empty());
  EXPECT_TRUE(memory.Readable(0x2000, 4).empty());
  EXPECT_FALSE(memory.Writable(0x2000, 4).empty());
}

TEST(GuestMemory, RefusesToMapMoreThanTheFileHolds) {
  GuestMemory memory;
  const zcrx::UniqueFd file = MemoryFile(0x2000);
  EXPECT_THAT(memory.Map(0, 0x2001, file, 0, kBoth), FailsWith(EINVAL));
  EXPECT_THAT(memory.Map(0, 0x1001, file, 0x1000, kBoth), FailsWith(EINVAL));
  EXPECT_THAT(memory.Map(0, 0x1000, file, 0x3000, kBoth), FailsWith(EINVAL));
  EXPECT_THAT(memory.Map(0, 0x1000, file, kLast, kBoth), FailsWith(EINVAL));
  EXPECT_EQ(memory.Regions(), 0U);
  EXPECT_OK(memory.Map(0, 0x1000, file, 0x1000, kBoth)) << "the control";
}

TEST(GuestMemory, RefusesAnEmptyRangeAndOneThatWrapsAround) {
  GuestMemory memory;
  const zcrx::UniqueFd file = MemoryFile(0x2000);
  EXPECT_THAT(memory.Map(0x1000, 0, file, 0, kBoth), FailsWith(EINVAL));
  EXPECT_THAT(memory.Map(kLast - 0xfff, 0x1001, file, 0, kBoth), FailsWith(EINVAL));
  EXPECT_THAT(memory.Unmap(0x1000, 0), FailsWith(EINVAL));
  EXPECT_THAT(memory.Unmap(kLast, 2), FailsWith(EINVAL));
}

TEST(GuestMemory, RefusesOverlaps) {
  GuestMemory memory;
  const zcrx::UniqueFd file = MemoryFile(0x4000);
  ASSERT_TRUE(memory.Map(0x2000, 0x2000, file, 0, kBoth));
  EXPECT_THAT(memory.Map(0x2000, 0x2000, file, 0, kBoth), FailsWith(EEXIST)) << "the same";
  EXPECT_THAT(memory.Map(0x1000, 0x1001, file, 0, kBoth), FailsWith(EEXIST)) << "its first byte";
  EXPECT_THAT(memory.Map(0x3fff, 0x1000, file, 0, kBoth), FailsWith(EEXIST)) << "its last byte";
  EXPECT_THAT(memory.Map(0x1000, 0x4000, file, 0, kBoth), FailsWith(EEXIST)) << "around it";
  EXPECT_OK(memory.Map(0x1000, 0x1000, file, 0, kBoth)) << "up to it";
  EXPECT_OK(memory.Map(0x4000, 0x1000, file, 0, kBoth)) << "from its end on";
}

TEST(GuestMemory, UnmapsWholeRegionsOnly) {
  GuestMemory memory;
  const zcrx::UniqueFd file = MemoryFile(0x4000);
  ASSERT_TRUE(memory.Map(0x2000, 0x1000, file, 0, kBoth));
  ASSERT_TRUE(memory.Map(0x3000, 0x1000, file, 0x1000, kBoth));

  EXPECT_THAT(memory.Unmap(0x2800, 0x1800), FailsWith(EINVAL)) << "cuts the first";
  EXPECT_THAT(memory.Unmap(0x2000, 0x1800), FailsWith(EINVAL)) << "cuts the last";
  EXPECT_THAT(memory.Unmap(0x2400, 0x100), FailsWith(EINVAL)) << "a hole";
  EXPECT_EQ(memory.Regions(), 2U);
  EXPECT_OK(memory.Unmap(0x8000, 0x1000)) << "nothing there";

  EXPECT_OK(memory.Unmap(0x1000, 0x3000));
  EXPECT_EQ(memory.Regions(), 0U);
  EXPECT_TRUE(memory.Readable(0x2000, 1).empty());
}

TEST(GuestMemory, PublishesWholeRecordsAtAlignedAddressesOnly) {
  FakeGuest guest;
  using Record = std::array<std::uint64_t, 2>;
  const Record record{0x1122334455667788, 0x99aabbccddeeff00};
  EXPECT_TRUE(guest.memory.Publish(FakeGuest::kBase + 8, record));
  EXPECT_EQ(guest.Get<Record>(FakeGuest::kBase + 8), record);
  EXPECT_FALSE(guest.memory.Publish(FakeGuest::kBase + 4, record));
  EXPECT_FALSE(guest.memory.Publish(FakeGuest::kEnd - 8, record));
}

}  // namespace
}  // namespace vnic
