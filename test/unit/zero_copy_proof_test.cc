// What each witness says of a claim, and the verdict that Judge() draws from all of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fixtures/evidence/witnesses.h"

namespace zcrx {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

enum class Says { kNothing, kConfirms, kRefutes, kUnseen };

// Without any witness.
Evidence Nobody(Claim claim, uint64_t bytes) {
  return {.claim = claim,
          .flow = {.to = {}, .queue = 3},
          .events = Answer::Absent("the kernel has none"),
          .received = {.bytes = bytes},
          .packets = Fail("no tracefs", ENOENT),
          .queues = Fail("not counted", EOPNOTSUPP)};
}

// What the only witness that `evidence` has says.
Says Verdict(const Evidence& evidence) {
  const Status holds = Judge(evidence).holds;
  if (holds) return Says::kConfirms;
  const std::string& text = holds.error().operation;
  if (text.starts_with("nothing can tell")) return Says::kNothing;
  return text.starts_with("the received data did not come through this NIC") ? Says::kUnseen
                                                                             : Says::kRefutes;
}

std::string TextOf(const Evidence& evidence) {
  const Status holds = Judge(evidence).holds;
  return holds ? "" : holds.error().Text();
}

Evidence WithEvents(Claim claim, uint64_t fragments, uint64_t bytes) {
  Evidence evidence = Nobody(claim, 4096);
  evidence.events = Answer::Present("the kernel has them");
  evidence.received.stats = uapi::zcrx_stats{.copy_count = fragments, .copy_bytes = bytes};
  return evidence;
}

TEST(AskEvents, CopiesRefuteAndTheirAbsenceConfirms) {
  EXPECT_EQ(Verdict(WithEvents(Claim::kInPlace, 0, 0)), Says::kConfirms);
  const Evidence copied = WithEvents(Claim::kInPlace, 2, 1000);
  EXPECT_EQ(Verdict(copied), Says::kRefutes);
  EXPECT_THAT(TextOf(copied), HasSubstr("copied 2 fragments, 1000 of 4096 bytes"));
}

TEST(AskEvents, AnEventRefutesWhateverTheStatisticsSay) {
  Evidence evidence = WithEvents(Claim::kInPlace, 0, 0);
  evidence.received.events[uapi::ZCRX_EVENT_COPY] = 1;
  EXPECT_EQ(Verdict(evidence), Says::kRefutes);
}

TEST(AskEvents, WithoutStatisticsThereIsNoTestimony) {
  const Evidence evidence = Nobody(Claim::kInPlace, 4096);
  EXPECT_EQ(Verdict(evidence), Says::kNothing);
  EXPECT_THAT(Judge(evidence).summary, HasSubstr("events (the kernel has none)"));
}

TEST(AskEvents, ThatTheReceiverDidNotAskIsAMistakeOfTheTest) {
  Evidence evidence = WithEvents(Claim::kInPlace, 0, 0);
  evidence.received.stats.reset();
  EXPECT_EQ(TextOf(evidence),
            "the kernel has zcrx statistics, but the receiver did not request them");
}

RxQueueStats Counted(uint32_t queue, std::optional<uint64_t> packets,
                     std::optional<uint64_t> bytes) {
  return {.queue = queue, .packets = packets, .bytes = bytes};
}

using Stats = std::vector<RxQueueStats>;

Evidence WithQueues(Claim claim, uint64_t payload, const Stats& before, const Stats& after) {
  Evidence evidence = Nobody(claim, payload);
  evidence.queues = Since(before, after);
  return evidence;
}

Evidence OfQueue3(uint64_t payload, const Stats& before, const Stats& after) {
  return WithQueues(Claim::kInPlace, payload, before, after);
}

TEST(AskQueues, TheTargetHasToCarryThePayloadAndItsHeaders) {
  const Stats before = {Counted(0, 50, 5000), Counted(3, 10, 1000)};
  EXPECT_EQ(Verdict(OfQueue3(10'000, before, {Counted(0, 50, 5000), Counted(3, 18, 11'600)})),
            Says::kConfirms);
  EXPECT_EQ(Verdict(OfQueue3(10'000, before, {Counted(0, 50, 5000), Counted(3, 18, 11'319)})),
            Says::kRefutes)
      << "a byte less than payload and the shortest headers";
  const Evidence elsewhere =
      OfQueue3(10'000, before, {Counted(0, 58, 16'000), Counted(3, 10, 1000)});
  EXPECT_EQ(Verdict(elsewhere), Says::kRefutes);
  EXPECT_THAT(TextOf(elsewhere), HasSubstr("queue 0: 8 packets, 11000 bytes; queue 3: 0 packets"));
}

TEST(AskQueues, ARestartedQueueCountsFromZero) {
  EXPECT_EQ(Verdict(OfQueue3(10'000, {Counted(0, 50, 5000), Counted(3, 500, 50'000)},
                             {Counted(0, 50, 5000), Counted(3, 8, 10'600)})),
            Says::kConfirms);
}

TEST(AskQueues, PacketsAloneAreTakenForTheLongest) {
  const Stats before = {Counted(0, 0, {}), Counted(3, 0, {})};
  const Stats after = {Counted(0, 0, {}), Counted(3, 2, {})};
  EXPECT_EQ(Verdict(OfQueue3(100'000, before, after)), Says::kConfirms);
  EXPECT_EQ(Verdict(OfQueue3(200'000, before, after)), Says::kRefutes);
}

TEST(AskQueues, ADriverThatDoesNotCountSaysNothing) {
  EXPECT_EQ(Verdict(OfQueue3(1, {}, {})), Says::kNothing);
  EXPECT_THAT(Judge(OfQueue3(1, {}, {})).summary,
              HasSubstr("queue statistics (the driver does not count the packets of queue 3)"));
  EXPECT_THAT(Judge(Nobody(Claim::kInPlace, 1)).summary,
              HasSubstr("queue statistics (the driver does not count the packets of queue 3)"));
}

TEST(AskQueues, AFailedAllocationRefutesWhereThereAreBuffersForAll) {
  Stats after = {Counted(0, 0, {}), Counted(3, 2, {})};
  after[1].alloc_fail = 1;
  Evidence evidence = OfQueue3(1000, {Counted(0, 0, {}), Counted(3, 0, {})}, after);
  EXPECT_EQ(Verdict(evidence), Says::kConfirms);
  evidence.received.area_bytes = 16 * 1000;
  EXPECT_EQ(Verdict(evidence), Says::kRefutes);
  EXPECT_THAT(TextOf(evidence), HasSubstr("1 allocations failed"));
}

TEST(AskQueues, WhereTheKernelTellsOfADryAreaAFailedAllocationIsOneOrRefutes) {
  Stats after = {Counted(0, 0, {}), Counted(3, 2000, {})};
  after[1].alloc_fail = 1;
  Evidence evidence = OfQueue3(40'000'000, {Counted(0, 0, {}), Counted(3, 0, {})}, after);
  evidence.events = Answer::Present("the kernel has them");
  evidence.received.stats = uapi::zcrx_stats{};
  EXPECT_EQ(Verdict(evidence), Says::kRefutes);
  EXPECT_THAT(TextOf(evidence), HasSubstr("1 allocations failed"));
  evidence.allocations_fail = true;
  EXPECT_EQ(Verdict(evidence), Says::kConfirms);
  evidence.allocations_fail = false;
  evidence.received.events[uapi::ZCRX_EVENT_ALLOC_FAIL] = 1;
  EXPECT_EQ(Verdict(evidence), Says::kConfirms);
}

TEST(AskQueues, AFlowInCompanyIsNotSaidToBeElsewhere) {
  Evidence evidence =
      OfQueue3(0, {Counted(0, 0, 0), Counted(3, 0, 0)}, {Counted(0, 9, 9000), Counted(3, 1, 100)});
  evidence.flow.to = "[2001:db8::1]:5201";
  EXPECT_THAT(Judge(evidence).causes, ElementsAre(HasSubstr("arrived on queue 0, ")));
  evidence.flow.has_company = true;
  EXPECT_THAT(Judge(evidence).causes, IsEmpty());
}

TEST(AskQueues, TheBusiestIsTheOneThatMovedMost) {
  const Stats before = {Counted(0, 50, 90'000), Counted(3, 10, 1000)};
  Evidence evidence = OfQueue3(0, before, {Counted(0, 60, 91'000), Counted(3, 11, 1100)});
  evidence.flow.to = "[2001:db8::1]:5201";
  EXPECT_THAT(Judge(evidence).causes, ElementsAre(HasSubstr("arrived on queue 0, ")));
  evidence.queues = Since(before, {Counted(0, 51, 90'100), Counted(3, 20, 2000)});
  EXPECT_THAT(Judge(evidence).causes, IsEmpty());
  evidence.queues = Since(before, before);
  EXPECT_THAT(Judge(evidence).causes, IsEmpty());
}

Evidence WithPackets(Claim claim, uint64_t payload, const FlowPackets& packets) {
  Evidence evidence = Nobody(claim, payload);
  evidence.packets = packets;
  return evidence;
}

Says InPlace(const FlowPackets& packets) {
  return Verdict(WithPackets(Claim::kInPlace, 9000, packets));
}

TEST(AskPackets, LinearPayloadRefutes) {
  EXPECT_EQ(InPlace({.segments = 7, .payload = 9000, .packets = 9}), Says::kConfirms);
  EXPECT_EQ(InPlace({.segments = 7, .payload = 9000, .not_split = 1, .packets = 9}),
            Says::kRefutes);
}

TEST(AskPackets, WhatDidNotComeByTheQueueRefutesUnlessTheTraceLostSome) {
  FlowPackets packets = {.segments = 7, .payload = 8999, .packets = 9};
  EXPECT_EQ(InPlace(packets), Says::kRefutes);
  packets.lost = 1;
  EXPECT_EQ(InPlace(packets), Says::kConfirms);
}

// What a trace holds that was opened for a name which the kernel does not use, or while all came by
// another interface.
TEST(AskPackets, ATraceWithoutTheFlowIsNotLacking) {
  for (const FlowPackets& packets : {FlowPackets{}, FlowPackets{.packets = 9, .lost = 5}}) {
    for (const Claim claim : {Claim::kInPlace, Claim::kElsewhere}) {
      EXPECT_EQ(Verdict(WithPackets(claim, 9000, packets)), Says::kUnseen);
    }
  }
  EXPECT_THAT(
      TextOf(WithPackets(Claim::kInPlace, 9000, {.packets = 9, .lost = 5})),
      EndsWith(
          "it holds 9 packets of the NIC, with 0 of 9000 bytes of payload (5 older packets lost)"));
}

TEST(AskPackets, AFlowOnAnotherQueueRefutesThoughTheTraceLostSome) {
  EXPECT_EQ(InPlace({.payload_elsewhere = 9000, .packets = 9, .lost = 5}), Says::kRefutes);
}

TEST(AskPackets, ATraceThatDoesNotWorkIsNotLacking) {
  Evidence evidence = Nobody(Claim::kInPlace, 9000);
  evidence.received.area = AreaKind::kUdmabuf;
  EXPECT_EQ(Verdict(evidence), Says::kConfirms) << "the control";
  evidence.packets = Fail("read the trace", EIO);
  EXPECT_THAT(TextOf(evidence), StartsWith("read the trace: "));
}

TEST(AskPacketsElsewhere, AllPayloadHasToBeSeenOnOtherQueues) {
  FlowPackets packets = {.payload_elsewhere = 9000, .packets = 9};
  EXPECT_EQ(Verdict(WithPackets(Claim::kElsewhere, 9000, packets)), Says::kConfirms);
  EXPECT_EQ(Verdict(WithPackets(Claim::kElsewhere, 9001, packets)), Says::kUnseen);
  EXPECT_THAT(TextOf(WithPackets(Claim::kElsewhere, 9001, packets)),
              EndsWith("it holds 9 packets of the NIC, with 9000 of 9001 bytes of payload"));
  packets.lost = 1;
  EXPECT_EQ(Verdict(WithPackets(Claim::kElsewhere, 9001, packets)), Says::kConfirms)
      << "of the last packets, which are what is left";
}

TEST(AskPacketsElsewhere, PayloadOnTheQueueRefutes) {
  const Evidence evidence =
      WithPackets(Claim::kElsewhere, 9000,
                  {.segments = 1, .payload = 100, .payload_elsewhere = 9000, .packets = 9});
  EXPECT_EQ(Verdict(evidence), Says::kRefutes);
  EXPECT_THAT(TextOf(evidence),
              EndsWith(": 100 bytes of payload in 1 segments arrived on queue 3"));
}

TEST(AskOtherQueues, TheyHaveToCarryThePayloadAndTheQueueNothing) {
  const Stats before = {Counted(0, 50, 5000), Counted(3, 10, 1000)};
  const auto ask = [&](RxQueueStats other, RxQueueStats target) {
    return Verdict(WithQueues(Claim::kElsewhere, 10'000, before, {other, target}));
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
  EXPECT_EQ(Verdict(WithEvents(Claim::kElsewhere, 3, 4096)), Says::kConfirms);
  EXPECT_EQ(Verdict(WithEvents(Claim::kElsewhere, 3, 4095)), Says::kRefutes);
  EXPECT_EQ(Verdict(Nobody(Claim::kElsewhere, 4096)), Says::kNothing);
}

TEST(AskChecksums, WhatTheNicDidNotVouchForRefutes) {
  Evidence evidence = WithEvents(Claim::kInPlace, 0, 0);
  evidence.unvouched = 3;
  EXPECT_EQ(TextOf(evidence),
            "payload did not arrive in place: TCP checksums: a NIC must vouch for what it puts "
            "into zcrx's memory");
  evidence = WithEvents(Claim::kElsewhere, 3, 4096);
  evidence.unvouched = 3;
  EXPECT_EQ(Verdict(evidence), Says::kConfirms) << "the kernel looks at what it copies";
}

TEST(AskArea, TheKernelCannotCopyIntoADmabuf) {
  Evidence evidence = Nobody(Claim::kInPlace, 4096);
  evidence.received.area = AreaKind::kUdmabuf;
  EXPECT_EQ(Verdict(evidence), Says::kConfirms);
  EXPECT_THAT(Judge(evidence).summary, StartsWith("dmabuf area; lacking: events"));
  evidence.claim = Claim::kElsewhere;
  EXPECT_EQ(Verdict(evidence), Says::kNothing);
}

TEST(Conclude, OneRefutationIsEnough) {
  Evidence evidence = WithEvents(Claim::kInPlace, 0, 0);
  evidence.queues = {Counted(3, 1, 100)};
  EXPECT_EQ(TextOf(evidence),
            "payload did not arrive in place: queue statistics: 4096 bytes of payload were steered "
            "to queue 3; queue 3: 1 packets, 100 bytes");
}

TEST(Conclude, ToldIsWhoConfirmedAndWhoCouldNot) {
  Evidence evidence = WithEvents(Claim::kInPlace, 0, 0);
  evidence.queues = {Counted(3, 8, 5000)};
  EXPECT_EQ(Judge(evidence).property, "zero_copy_proof");
  EXPECT_EQ(
      Judge(evidence).summary,
      "events, queue statistics; lacking: packet trace (no tracefs: No such file or directory "
      "(ENOENT))");
  evidence.packets = FlowPackets{.segments = 3, .payload = 4096, .packets = 5};
  EXPECT_EQ(Judge(evidence).summary, "events, queue statistics, packet trace");
}

// By loopback the kernel copies everything, and no queue sees a packet.
TEST(Conclude, WhatWasNotSeenOnTheNicIsNoPass) {
  Evidence evidence = WithEvents(Claim::kElsewhere, 3, 4096);
  evidence.packets = FlowPackets{.packets = 2};
  EXPECT_EQ(TextOf(evidence),
            "the received data did not come through this NIC, or was not seen there: packet "
            "trace: it holds 2 packets of the NIC, with 0 of 4096 bytes of payload");
  EXPECT_THAT(Judge(evidence).causes,
              ElementsAre("none of the 4096 bytes received is in the NIC's packet trace",
                          "the kernel copied 4096 bytes in 3 fragments"));
}

TEST(Conclude, TheSentenceIsTheClaims) {
  EXPECT_THAT(TextOf(WithPackets(Claim::kElsewhere, 4096, {.segments = 1, .payload = 4096})),
              StartsWith("payload that no rule leads to queue 3 arrived there: packet trace: "));
  EXPECT_THAT(TextOf(Nobody(Claim::kElsewhere, 4096)),
              AllOf(StartsWith("nothing can tell on which queue payload arrived: "),
                    EndsWith("; packet trace (no tracefs: No such file or directory (ENOENT))")));
  EXPECT_EQ(Judge(Nobody(Claim::kElsewhere, 4096)).property, "steering_proof");
}

TEST(Conclude, SilenceIsNoProof) {
  const Judgement judgement = Judge(Nobody(Claim::kInPlace, 4096));
  ASSERT_FALSE(judgement.holds.has_value());
  EXPECT_THAT(judgement.holds.error().Text(), HasSubstr("nothing can tell whether"));
  EXPECT_THAT(judgement.summary, StartsWith("none; lacking: "));
}

}  // namespace
}  // namespace zcrx
