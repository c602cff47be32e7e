#include "fixtures/zero_copy_proof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace zcrx {
namespace {

using Says = Testimony::Says;
using ::testing::HasSubstr;

const Claim kInPlace = ClaimInPlace();
const Claim kElsewhere = ClaimElsewhere(3);

Received Copied(uint64_t fragments, uint64_t bytes) {
  Received received = {.bytes = 4096};
  received.stats = uapi::Stats{.copy_count = fragments, .copy_bytes = bytes};
  return received;
}

TEST(AskEvents, CopiesRefuteAndTheirAbsenceConfirms) {
  EXPECT_EQ(kInPlace.ask_events(Copied(0, 0), "").says, Says::kConfirms);
  const Testimony copied = kInPlace.ask_events(Copied(2, 1000), "");
  EXPECT_EQ(copied.says, Says::kRefutes);
  EXPECT_THAT(copied.text, HasSubstr("copied 2 fragments, 1000 of 4096 bytes"));
}

TEST(AskEvents, AnEventRefutesWhateverTheStatisticsSay) {
  Received received = Copied(0, 0);
  received.events[uapi::kEventCopy] = 1;
  EXPECT_EQ(kInPlace.ask_events(received, "").says, Says::kRefutes);
}

TEST(AskEvents, WithoutStatisticsThereIsNoTestimony) {
  const Testimony testimony = kInPlace.ask_events({.bytes = 4096}, "the kernel has none");
  EXPECT_EQ(testimony.says, Says::kNothing);
  EXPECT_EQ(testimony.text, "the kernel has none");
}

RxQueueStats Counted(uint32_t queue, std::optional<uint64_t> packets,
                     std::optional<uint64_t> bytes) {
  return {.queue = queue, .packets = packets, .bytes = bytes};
}

Testimony OfQueue3(uint64_t payload, std::array<RxQueueStats, 2> before,
                   std::array<RxQueueStats, 2> after) {
  return kInPlace.ask_queue_stats(
      {.queue = 3, .payload = payload, .before = before, .after = after});
}

TEST(AskQueueStats, TheTargetHasToCarryThePayloadAndItsHeaders) {
  const std::array before = {Counted(0, 50, 5000), Counted(3, 10, 1000)};
  EXPECT_EQ(OfQueue3(10'000, before, {Counted(0, 50, 5000), Counted(3, 18, 11'600)}).says,
            Says::kConfirms);
  EXPECT_EQ(OfQueue3(10'000, before, {Counted(0, 50, 5000), Counted(3, 18, 11'319)}).says,
            Says::kRefutes)
      << "a byte less than payload and the shortest headers";
  const Testimony elsewhere =
      OfQueue3(10'000, before, {Counted(0, 58, 16'000), Counted(3, 10, 1000)});
  EXPECT_EQ(elsewhere.says, Says::kRefutes);
  EXPECT_THAT(elsewhere.text, HasSubstr("queue 0: 8 packets, 11000 bytes; queue 3: 0 packets"));
}

TEST(AskQueueStats, ARestartedQueueCountsFromZero) {
  EXPECT_EQ(OfQueue3(10'000, {Counted(0, 50, 5000), Counted(3, 500, 50'000)},
                     {Counted(0, 50, 5000), Counted(3, 8, 10'600)})
                .says,
            Says::kConfirms);
}

TEST(AskQueueStats, PacketsAloneAreTakenForTheLongest) {
  const std::array before = {Counted(0, 0, {}), Counted(3, 0, {})};
  EXPECT_EQ(OfQueue3(100'000, before, {Counted(0, 0, {}), Counted(3, 2, {})}).says,
            Says::kConfirms);
  EXPECT_EQ(OfQueue3(200'000, before, {Counted(0, 0, {}), Counted(3, 2, {})}).says, Says::kRefutes);
}

TEST(AskQueueStats, ADriverThatDoesNotCountSaysNothing) {
  EXPECT_EQ(kInPlace.ask_queue_stats({.queue = 3, .payload = 1, .before = {}, .after = {}}).says,
            Says::kNothing);
}

TEST(AskQueueStats, AFailedAllocationRefutesWhereThereAreBuffersForAll) {
  const std::array before = {Counted(0, 0, {}), Counted(3, 0, {})};
  std::array after = {Counted(0, 0, {}), Counted(3, 2, {})};
  after[1].alloc_fail = 1;
  QueueTraffic traffic = {.queue = 3, .payload = 1000, .before = before, .after = after};
  EXPECT_EQ(kInPlace.ask_queue_stats(traffic).says, Says::kConfirms);
  traffic.plenty = true;
  EXPECT_EQ(kInPlace.ask_queue_stats(traffic).says, Says::kRefutes);
  EXPECT_THAT(kInPlace.ask_queue_stats(traffic).text, HasSubstr("1 allocations failed"));
}

TEST(BusiestQueue, IsTheOneThatMovedMost) {
  const std::array before = {Counted(0, 50, 90'000), Counted(3, 10, 1000)};
  EXPECT_EQ(BusiestQueue(before, std::array{Counted(0, 51, 90'100), Counted(3, 20, 2000)}), 3);
  EXPECT_EQ(BusiestQueue(before, before), std::nullopt);
}

TEST(AskPackets, LinearPayloadRefutes) {
  EXPECT_EQ(kInPlace.ask_packets({.segments = 7, .payload = 9000, .packets = 9}, 3, 9000).says,
            Says::kConfirms);
  EXPECT_EQ(
      kInPlace.ask_packets({.segments = 7, .payload = 9000, .not_split = 1, .packets = 9}, 3, 9000)
          .says,
      Says::kRefutes);
}

TEST(AskPackets, WhatDidNotComeByTheQueueRefutesUnlessTheTraceLostSome) {
  FlowPackets packets = {.segments = 7, .payload = 8999, .packets = 9};
  EXPECT_EQ(kInPlace.ask_packets(packets, 3, 9000).says, Says::kRefutes);
  packets.lost = 1;
  EXPECT_EQ(kInPlace.ask_packets(packets, 3, 9000).says, Says::kConfirms);
}

// What a trace holds that was opened for a name which the kernel does not use, or while all came by
// another interface.
TEST(AskPackets, ATraceWithoutTheFlowIsNotLacking) {
  for (const FlowPackets& packets : {FlowPackets{}, FlowPackets{.packets = 9, .lost = 5}}) {
    for (const Claim& claim : {kInPlace, kElsewhere}) {
      EXPECT_EQ(claim.ask_packets(packets, 3, 9000).says, Says::kUnseen);
    }
  }
  EXPECT_EQ(
      kInPlace.ask_packets({.packets = 9, .lost = 5}, 3, 9000).text,
      "it holds 9 packets of the NIC, with 0 of 9000 bytes of payload (5 older packets lost)");
}

TEST(AskPackets, AFlowOnAnotherQueueRefutesThoughTheTraceLostSome) {
  const FlowPackets packets = {.payload_elsewhere = 9000, .packets = 9, .lost = 5};
  EXPECT_EQ(kInPlace.ask_packets(packets, 3, 9000).says, Says::kRefutes);
}

TEST(AskPacketsElsewhere, AllPayloadHasToBeSeenOnOtherQueues) {
  FlowPackets packets = {.payload_elsewhere = 9000, .packets = 9};
  EXPECT_EQ(kElsewhere.ask_packets(packets, 3, 9000).says, Says::kConfirms);
  EXPECT_EQ(kElsewhere.ask_packets(packets, 3, 9001).says, Says::kUnseen);
  EXPECT_EQ(kElsewhere.ask_packets(packets, 3, 9001).text,
            "it holds 9 packets of the NIC, with 9000 of 9001 bytes of payload");
  packets.lost = 1;
  EXPECT_EQ(kElsewhere.ask_packets(packets, 3, 9001).says, Says::kConfirms)
      << "of the last packets, which are what is left";
}

TEST(AskPacketsElsewhere, PayloadOnTheQueueRefutes) {
  const FlowPackets packets = {
      .segments = 1, .payload = 100, .payload_elsewhere = 9000, .packets = 9};
  const Testimony testimony = kElsewhere.ask_packets(packets, 3, 9000);
  EXPECT_EQ(testimony.says, Says::kRefutes);
  EXPECT_EQ(testimony.text, "100 bytes of payload in 1 segments came by queue 3");
}

TEST(AskOtherQueues, TheyHaveToCarryThePayloadAndTheQueueNothing) {
  const std::array before = {Counted(0, 50, 5000), Counted(3, 10, 1000)};
  const auto ask = [&](RxQueueStats other, RxQueueStats target) {
    const std::array after = {other, target};
    return kElsewhere
        .ask_queue_stats({.queue = 3, .payload = 10'000, .before = before, .after = after})
        .says;
  };
  EXPECT_EQ(ask(Counted(0, 58, 15'600), Counted(3, 10, 1000)), Says::kConfirms);
  EXPECT_EQ(ask(Counted(0, 58, 15'600), Counted(3, 11, 1060)), Says::kNothing)
      << "others' traffic may be what the other queue carried";
  EXPECT_EQ(ask(Counted(0, 54, 10'400), Counted(3, 14, 6400)), Says::kRefutes);
  EXPECT_EQ(ask(Counted(0, 50, 5000), Counted(3, 18, 11'600)), Says::kRefutes);
  EXPECT_EQ(ask(Counted(0, 51, 5086), Counted(3, 10, 1000)), Says::kUnseen);
  EXPECT_EQ(ask(Counted(0, {}, {}), Counted(3, {}, {})), Says::kNothing);
}

TEST(AskForCopyOfAll, OneByteThatWasNotCopiedRefutes) {
  EXPECT_EQ(kElsewhere.ask_events(Copied(3, 4096), "").says, Says::kConfirms);
  EXPECT_EQ(kElsewhere.ask_events(Copied(3, 4095), "").says, Says::kRefutes);
  EXPECT_EQ(kElsewhere.ask_events({.bytes = 4096}, "the kernel has none").says, Says::kNothing);
}

const Testimony kConfirms = {.witness = "events", .says = Says::kConfirms};
const Testimony kSilent = {.witness = "packet trace", .text = "no tracefs"};

TEST(Conclude, OneRefutationIsEnough) {
  const Proof proof = Conclude(
      kInPlace,
      std::array<Testimony, 2>{
          {kConfirms, {.witness = "queue statistics", .says = Says::kRefutes, .text = "why"}}});
  ASSERT_FALSE(proof.holds.has_value());
  EXPECT_EQ(proof.holds.error().Text(), "payload did not arrive in place: queue statistics: why");
}

TEST(Conclude, ToldIsWhoConfirmedAndWhoCouldNot) {
  const Proof proof = Conclude(kInPlace, std::array{kConfirms, kSilent});
  EXPECT_TRUE(proof.holds.has_value());
  EXPECT_EQ(proof.summary, "events; lacking: packet trace (no tracefs)");
}

// By loopback the kernel copies everything, and no queue sees a packet.
TEST(Conclude, WhatWasNotSeenOnTheNicIsNoPass) {
  const Proof proof =
      Conclude(kElsewhere, std::array{kConfirms, kElsewhere.ask_packets({.packets = 2}, 3, 4096)});
  ASSERT_FALSE(proof.holds.has_value());
  EXPECT_EQ(proof.holds.error().Text(),
            "what was received came another way than by this NIC, or was not seen there: packet "
            "trace: it holds 2 packets of the NIC, with 0 of 4096 bytes of payload");
}

TEST(Conclude, TheSentenceIsTheClaims) {
  const Testimony refutes = {.witness = "packet trace", .says = Says::kRefutes, .text = "why"};
  EXPECT_EQ(Conclude(kElsewhere, std::array{refutes}).holds.error().Text(),
            "what no rule leads to queue 3 arrived there: packet trace: why");
  EXPECT_EQ(Conclude(kElsewhere, std::array{kSilent}).holds.error().Text(),
            "nothing can tell by which queue payload came: packet trace (no tracefs)");
}

TEST(Conclude, SilenceIsNoProof) {
  const Proof proof = Conclude(kInPlace, std::array{kSilent});
  ASSERT_FALSE(proof.holds.has_value());
  EXPECT_THAT(proof.holds.error().Text(), HasSubstr("nothing can tell"));
}

}  // namespace
}  // namespace zcrx
