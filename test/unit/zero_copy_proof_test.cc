#include "fixtures/zero_copy_proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace zcrx {
namespace {

using Says = Testimony::Says;
using ::testing::HasSubstr;

Received Copied(uint64_t fragments, uint64_t bytes) {
  Received received = {.bytes = 4096};
  received.stats = uapi::Stats{.copy_count = fragments, .copy_bytes = bytes};
  return received;
}

TEST(AskEvents, CopiesRefuteAndTheirAbsenceConfirms) {
  EXPECT_EQ(AskEvents(Copied(0, 0), "").says, Says::kInPlace);
  const Testimony copied = AskEvents(Copied(2, 1000), "");
  EXPECT_EQ(copied.says, Says::kNotInPlace);
  EXPECT_THAT(copied.text, HasSubstr("copied 2 fragments, 1000 of 4096 bytes"));
}

TEST(AskEvents, AnEventRefutesWhateverTheStatisticsSay) {
  Received received = Copied(0, 0);
  received.events[uapi::kEventCopy] = 1;
  EXPECT_EQ(AskEvents(received, "").says, Says::kNotInPlace);
}

TEST(AskEvents, WithoutStatisticsThereIsNoTestimony) {
  const Testimony testimony = AskEvents({.bytes = 4096}, "the kernel has none");
  EXPECT_EQ(testimony.says, Says::kNothing);
  EXPECT_EQ(testimony.text, "the kernel has none");
}

RxQueueStats Counted(uint32_t queue, uint64_t packets, std::optional<uint64_t> bytes) {
  return {.queue = queue, .packets = packets, .bytes = bytes};
}

Testimony OfQueue3(uint64_t payload, std::array<RxQueueStats, 2> before,
                   std::array<RxQueueStats, 2> after) {
  return AskQueueStats({.queue = 3, .payload = payload, .before = before, .after = after});
}

TEST(AskQueueStats, TheTargetHasToCarryThePayloadAndItsHeaders) {
  const std::array before = {Counted(0, 50, 5000), Counted(3, 10, 1000)};
  EXPECT_EQ(OfQueue3(10'000, before, {Counted(0, 50, 5000), Counted(3, 18, 11'600)}).says,
            Says::kInPlace);
  EXPECT_EQ(OfQueue3(10'000, before, {Counted(0, 50, 5000), Counted(3, 18, 11'319)}).says,
            Says::kNotInPlace)
      << "a byte less than payload and the shortest headers";
  const Testimony elsewhere =
      OfQueue3(10'000, before, {Counted(0, 58, 16'000), Counted(3, 10, 1000)});
  EXPECT_EQ(elsewhere.says, Says::kNotInPlace);
  EXPECT_THAT(elsewhere.text, HasSubstr("queue 0: 8 packets, 11000 bytes; queue 3: 0 packets"));
}

TEST(AskQueueStats, ARestartedQueueCountsFromZero) {
  EXPECT_EQ(OfQueue3(10'000, {Counted(0, 50, 5000), Counted(3, 500, 50'000)},
                     {Counted(0, 50, 5000), Counted(3, 8, 10'600)})
                .says,
            Says::kInPlace);
}

TEST(AskQueueStats, PacketsAloneAreTakenForTheLongest) {
  const std::array before = {Counted(0, 0, {}), Counted(3, 0, {})};
  EXPECT_EQ(OfQueue3(100'000, before, {Counted(0, 0, {}), Counted(3, 2, {})}).says, Says::kInPlace);
  EXPECT_EQ(OfQueue3(200'000, before, {Counted(0, 0, {}), Counted(3, 2, {})}).says,
            Says::kNotInPlace);
}

TEST(AskQueueStats, ADriverThatDoesNotCountSaysNothing) {
  EXPECT_EQ(AskQueueStats({.queue = 3, .payload = 1, .before = {}, .after = {}}).says,
            Says::kNothing);
}

TEST(AskQueueStats, AFailedAllocationRefutesWhereThereAreBuffersForAll) {
  const std::array before = {Counted(0, 0, {}), Counted(3, 0, {})};
  std::array after = {Counted(0, 0, {}), Counted(3, 2, {})};
  after[1].alloc_fail = 1;
  QueueTraffic traffic = {.queue = 3, .payload = 1000, .before = before, .after = after};
  EXPECT_EQ(AskQueueStats(traffic).says, Says::kInPlace);
  traffic.plenty = true;
  EXPECT_EQ(AskQueueStats(traffic).says, Says::kNotInPlace);
  EXPECT_THAT(AskQueueStats(traffic).text, HasSubstr("1 allocations failed"));
}

TEST(BusiestQueue, IsTheOneThatMovedMost) {
  const std::array before = {Counted(0, 50, 90'000), Counted(3, 10, 1000)};
  EXPECT_EQ(BusiestQueue(before, std::array{Counted(0, 51, 90'100), Counted(3, 20, 2000)}), 3);
  EXPECT_EQ(BusiestQueue(before, before), std::nullopt);
}

TEST(AskPackets, LinearPayloadRefutes) {
  EXPECT_EQ(AskPackets({.segments = 7, .payload = 9000, .packets = 9}, 3, 9000).says,
            Says::kInPlace);
  EXPECT_EQ(
      AskPackets({.segments = 7, .payload = 9000, .not_split = 1, .packets = 9}, 3, 9000).says,
      Says::kNotInPlace);
}

TEST(AskPackets, WhatDidNotComeByTheQueueRefutesUnlessTheTraceLostSome) {
  FlowPackets packets = {.segments = 7, .payload = 8999, .packets = 9};
  EXPECT_EQ(AskPackets(packets, 3, 9000).says, Says::kNotInPlace);
  packets.lost = 1;
  EXPECT_EQ(AskPackets(packets, 3, 9000).says, Says::kInPlace);
}

TEST(AskPackets, ATraceWithoutPacketsSaysNothing) {
  EXPECT_EQ(AskPackets({}, 3, 9000).says, Says::kNothing);
}

const Testimony kConfirms = {.witness = "events", .says = Says::kInPlace};
const Testimony kSilent = {.witness = "packet trace", .text = "no tracefs"};

TEST(Conclude, OneRefutationIsEnough) {
  const Proof proof = Conclude(std::array<Testimony, 2>{
      {kConfirms, {.witness = "queue statistics", .says = Says::kNotInPlace, .text = "why"}}});
  ASSERT_FALSE(proof.holds.has_value());
  EXPECT_EQ(proof.holds.error().Text(), "payload did not arrive in place: queue statistics: why");
}

TEST(Conclude, ToldIsWhoConfirmedAndWhoCouldNot) {
  const Proof proof = Conclude(std::array{kConfirms, kSilent});
  EXPECT_TRUE(proof.holds.has_value());
  EXPECT_EQ(proof.summary, "events; lacking: packet trace (no tracefs)");
}

TEST(Conclude, SilenceIsNoProof) {
  const Proof proof = Conclude(std::array{kSilent});
  ASSERT_FALSE(proof.holds.has_value());
  EXPECT_THAT(proof.holds.error().Text(), HasSubstr("nothing can tell"));
}

}  // namespace
}  // namespace zcrx
