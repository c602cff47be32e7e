// Packets through the gVNIC's rings: what the driver finds in memory, and what hostile descriptors
// do.
#include "test/unit/gve_queues.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace vnic::gve {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(GveQueues, SendsAFrameOfSeveralBuffersWithItsChecksum) {
  MakeTxQueue();
  const Bytes expected = TcpFrame(Pattern(100));
  Bytes frame = expected;
  frame[14 + 20 + 16] = frame[14 + 20 + 17] = 0xee;  // what a driver leaves in the checksum
  PutBytes(buffers_, frame);
  PutTx(0, buffers_, 60, kTxChecksum);
  PutTx(1, buffers_ + 60, frame.size() - 60, kTxChecksum | kTxEndOfPacket | kTxReportEvent, 0x123);
  Doorbell(kTxDoorbells, 2);

  ASSERT_THAT(guest_.wire.sent, SizeIs(1));
  EXPECT_EQ(guest_.wire.sent[0].bytes, expected);
  EXPECT_FALSE(guest_.wire.sent[0].IsBurst());
  EXPECT_EQ(TxAt(0).id_type_generation, kTxCompletionPacket | kTxGeneration);
  EXPECT_EQ(TxAt(0).tag_or_head, 0x123);
  EXPECT_EQ(TxAt(1).id_type_generation, kTxCompletionDescriptor | kTxGeneration);
  EXPECT_EQ(TxAt(1).tag_or_head, 2) << "the index behind the last descriptor";
}

TEST_F(GveQueues, WaitsForTheEndOfAPacket) {
  MakeTxQueue();
  const Bytes frame = TcpFrame(Pattern(100));
  PutBytes(buffers_, frame);
  PutTx(0, buffers_, 60, 0);
  Doorbell(kTxDoorbells, 1);
  EXPECT_THAT(guest_.wire.sent, IsEmpty());
  PutTx(1, buffers_ + 60, frame.size() - 60, kTxEndOfPacket);
  Doorbell(kTxDoorbells, 2);
  ASSERT_THAT(guest_.wire.sent, SizeIs(1));
  EXPECT_EQ(guest_.wire.sent[0].bytes, frame);
}

TEST_F(GveQueues, HandsOverASegmentationAsABurst) {
  MakeTxQueue();
  TsoContext context;
  context.type_and_flags = kTxTypeTsoContext | 1U << 5;
  context.segment_size = 1448;
  guest_.Put(ring_, context);
  const Bytes frame = TcpFrame(Pattern(4000));
  PutBytes(buffers_, frame);
  PutTx(1, buffers_, frame.size(), kTxChecksum | kTxEndOfPacket);
  Doorbell(kTxDoorbells, 2);
  ASSERT_THAT(guest_.wire.sent, SizeIs(1));
  EXPECT_EQ(guest_.wire.sent[0].segment_size, 1448);
  EXPECT_EQ(guest_.wire.sent[0].bytes.size(), frame.size());
}

// Each is completed, so that the driver gets its buffers back, and none is sent.
TEST_F(GveQueues, CompletesHostilePacketsWithoutSendingThem) {
  MakeTxQueue();
  TsoContext no_segment_size;
  no_segment_size.type_and_flags = kTxTypeTsoContext;
  TxDescriptor unknown;
  unknown.type_and_flags = 0x1f;

  PutTx(0, FakeGuest::kUnmapped, 100, kTxEndOfPacket, 1);
  PutTx(1, FakeGuest::kEnd - 50, 100, kTxEndOfPacket, 2);
  PutTx(2, ~std::uint64_t{0}, 100, kTxEndOfPacket, 3);
  PutTx(3, buffers_, 0, kTxEndOfPacket, 4);
  PutTx(4, buffers_, 16, kTxEndOfPacket, 5);
  PutTx(5, buffers_, 9729, kTxEndOfPacket, 6);
  guest_.Put(ring_ + 6 * sizeof(TxDescriptor), no_segment_size);
  PutTx(7, buffers_, 1000, kTxEndOfPacket, 7);
  guest_.Put(ring_ + 8 * sizeof(TxDescriptor), unknown);
  PutTx(9, buffers_, 100, kTxEndOfPacket, 8);
  Doorbell(kTxDoorbells, 10);

  EXPECT_THAT(guest_.wire.sent, IsEmpty());
  for (std::uint16_t i = 0; i < 8; ++i) EXPECT_EQ(TxAt(i).tag_or_head, i + 1);
  EXPECT_EQ(Counter("tx_refused0"), 8U);

  PutTx(10, buffers_, 100, kTxEndOfPacket, 9);
  Doorbell(kTxDoorbells, 11);
  EXPECT_THAT(guest_.wire.sent, SizeIs(1)) << "the control: the queue goes on";
}

TEST_F(GveQueues, APacketWithoutEndIsBounded) {
  MakeTxQueue();
  for (std::uint32_t i = 0; i < kMinRing - 1; ++i) PutTx(i, buffers_, kTxSizeMask, 0);
  Doorbell(kTxDoorbells, kMinRing - 1);
  PutTx(kMinRing - 1, buffers_, 100, kTxEndOfPacket);
  Doorbell(kTxDoorbells, 0);
  EXPECT_THAT(guest_.wire.sent, IsEmpty());
  EXPECT_EQ(Counter("tx_refused0"), 1U);
}

TEST_F(GveQueues, ManyFramesAtOnceAreCompletedButNotSent) {
  MakeTxQueue();
  TsoContext context;
  context.type_and_flags = kTxTypeTsoContext;
  context.segment_size = 1;  // four packets are close to 64 Ki frames
  const Bytes frame = TcpFrame(Pattern(16000));
  PutBytes(buffers_, frame);
  for (std::uint32_t i = 0; i < 6; ++i) {
    guest_.Put(ring_ + 2 * i * sizeof context, context);
    PutTx(2 * i + 1, buffers_, frame.size(), kTxEndOfPacket, static_cast<std::uint16_t>(i + 1));
  }
  Doorbell(kTxDoorbells, 12);
  EXPECT_THAT(guest_.wire.sent, SizeIs(4));
  for (std::uint16_t i = 0; i < 6; ++i) EXPECT_EQ(TxAt(i).tag_or_head, i + 1);
  EXPECT_EQ(Counter("tx_refused0"), 2U);

  guest_.Put(ring_ + 12 * sizeof context, context);
  PutTx(13, buffers_, frame.size(), kTxEndOfPacket);
  Doorbell(kTxDoorbells, 14);
  EXPECT_THAT(guest_.wire.sent, SizeIs(5)) << "the next doorbell begins anew";
}

TEST_F(GveQueues, IgnoresDoorbellsOutsideTheRingAndOfNoQueue) {
  MakeTxQueue();
  PutTx(0, buffers_, 100, kTxEndOfPacket);
  Doorbell(kTxDoorbells, kMinRing);
  Doorbell(kTxDoorbells, ~0U);
  Doorbell(kTxDoorbells + 1, 1);
  Doorbell(kRxDoorbells, 1);
  Doorbell(1023, 1);
  EXPECT_THAT(guest_.wire.sent, IsEmpty());
  Doorbell(kTxDoorbells, 1);
  EXPECT_THAT(guest_.wire.sent, SizeIs(1)) << "the control";
}

TEST_F(GveQueues, StopsWhenItsRingIsUnmapped) {
  MakeTxQueue();
  ASSERT_TRUE(guest_.memory.Unmap(FakeGuest::kBase, FakeGuest::kSize));
  Doorbell(kTxDoorbells, 1);
  EXPECT_THAT(guest_.wire.sent, IsEmpty());
}

TEST_F(GveQueues, SplitsHeadersFromPayload) {
  MakeRxQueue(kHeaderBufferSize, false);
  const Bytes frame = TcpFrame(Pattern(1000));
  nic_.Receive({.bytes = frame});

  const RxCompletion completion = RxAt(0);
  ASSERT_TRUE(RxWritten(0));
  EXPECT_FALSE(RxWritten(1));
  EXPECT_EQ(completion.buffer_id, 1000);
  EXPECT_EQ(LengthOf(completion), 1000U);
  EXPECT_EQ(completion.header_length, kEthernetIpv4Tcp | kRxSplitHeader);
  EXPECT_EQ(completion.status, kRxDone | kRxEndOfPacket | kRxHeadersProcessed);
  EXPECT_EQ(completion.packet_type, PacketType(L3::kIpv4, L4::kTcp));
  EXPECT_EQ(GetBytes(header_buffers_, kEthernetIpv4Tcp),
            Bytes(frame.begin(), frame.begin() + kEthernetIpv4Tcp));
  EXPECT_EQ(GetBytes(buffers_, 1000), Pattern(1000));
}

TEST_F(GveQueues, AHeaderAloneTakesABufferToo) {
  MakeRxQueue(kHeaderBufferSize, false);
  nic_.Receive({.bytes = TcpFrame({})});
  nic_.Receive({.bytes = TcpFrame(Pattern(1))});
  EXPECT_EQ(LengthOf(RxAt(0)), 0U);
  EXPECT_EQ(RxAt(0).header_length, kEthernetIpv4Tcp | kRxSplitHeader);
  EXPECT_EQ(RxAt(1).buffer_id, 1001);
  EXPECT_EQ(LengthOf(RxAt(1)), 1U);
}

TEST_F(GveQueues, LeavesHeadersInPlaceWithoutAHeaderBuffer) {
  MakeRxQueue(0, false);
  const Bytes frame = TcpFrame(Pattern(1000));
  nic_.Receive({.bytes = frame});
  EXPECT_EQ(RxAt(0).header_length, 0);
  EXPECT_EQ(GetBytes(buffers_, frame.size()), frame);
}

TEST_F(GveQueues, TakesABurstAsOneReceiveWhereItCoalesces) {
  MakeRxQueue(kHeaderBufferSize, true);
  nic_.Receive({.bytes = TcpFrame(Pattern(10000)), .segment_size = 1448});

  EXPECT_EQ(RxAt(0).status & kRxEndOfPacket, 0);
  EXPECT_EQ(RxAt(0).header_length, kEthernetIpv4Tcp | kRxSplitHeader);
  EXPECT_EQ(RxAt(1).header_length, 0) << "split is told on the first only";
  const RxCompletion last = RxAt(2);
  EXPECT_NE(last.status & kRxEndOfPacket, 0);
  EXPECT_EQ(last.header_length, kRxRsc);
  EXPECT_EQ(last.segment_size, 1448);
  EXPECT_EQ(LengthOf(RxAt(0)) + LengthOf(RxAt(1)) + LengthOf(last), 10000U);
  EXPECT_FALSE(RxWritten(3));
  EXPECT_EQ(GetBytes(buffers_, 10000), Pattern(10000)) << "the buffers lie side by side here";
}

TEST_F(GveQueues, CutsABurstIntoFramesWhereItDoesNotCoalesce) {
  MakeRxQueue(kHeaderBufferSize, false);
  nic_.Receive({.bytes = TcpFrame(Pattern(3000)), .segment_size = 1448});
  EXPECT_THAT((std::vector{LengthOf(RxAt(0)), LengthOf(RxAt(1)), LengthOf(RxAt(2))}),
              ElementsAre(1448, 1448, 104));
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(RxAt(i).header_length, kEthernetIpv4Tcp | kRxSplitHeader);
    EXPECT_EQ(RxAt(i).status, kRxDone | kRxEndOfPacket | kRxHeadersProcessed) << "checksums good";
  }
}

TEST_F(GveQueues, MarksBadChecksums) {
  MakeRxQueue(0, false);
  Bytes frame = TcpFrame(Pattern(100));
  frame.back() ^= 1;
  nic_.Receive({.bytes = frame});
  EXPECT_NE(RxAt(0).status & kRxL4ChecksumError, 0);
  EXPECT_EQ(Counter("rx_bad_checksum0"), 1U);
}

TEST_F(GveQueues, DropsWhatDoesNotFitIntoThePostedBuffers) {
  MakeRxQueue(kHeaderBufferSize, true, 2);
  nic_.Receive({.bytes = TcpFrame(Pattern(10000)), .segment_size = 1448});
  EXPECT_FALSE(RxWritten(0)) << "whole or not at all";
  EXPECT_EQ(Counter("rx_no_buffers0"), 1U);
  nic_.Receive({.bytes = TcpFrame(Pattern(8000)), .segment_size = 1448});
  EXPECT_TRUE(RxWritten(1));
}

TEST_F(GveQueues, DropsFramesAboveTheMtu) {
  MakeRxQueue(kHeaderBufferSize, true);
  ASSERT_EQ(Issue(Opcode::kSetDriverParameter,
                  SetDriverParameter{.type = kParameterMtu, .reserved = 0, .value = 1500}),
            AdminStatus::kPassed);
  nic_.Receive({.bytes = TcpFrame(Pattern(2000))});
  EXPECT_FALSE(RxWritten(0));
  EXPECT_EQ(Counter("rx_too_long0"), 1U);
  nic_.Receive({.bytes = TcpFrame(Pattern(10000)), .segment_size = 1448});
  EXPECT_TRUE(RxWritten(0)) << "its frames are within";
}

TEST_F(GveQueues, ReportsABufferThatIsNoMemoryAsAnError) {
  MakeRxQueue(kHeaderBufferSize, false, 2);
  RxDescriptor bad;
  bad.buffer_id = 77;
  bad.buffer = FakeGuest::kUnmapped;
  bad.header_buffer = header_buffers_;
  guest_.Put(ring_, bad);
  nic_.Receive({.bytes = TcpFrame(Pattern(100))});
  EXPECT_EQ(RxAt(0).buffer_id, 77);
  EXPECT_EQ(RxAt(0).flags, kRxError);
  EXPECT_EQ(GetBytes(header_buffers_, 1), Bytes{0}) << "nothing of it was written";
  nic_.Receive({.bytes = TcpFrame(Pattern(100))});
  EXPECT_EQ(RxAt(1).flags, 0) << "the control: the queue goes on";
}

TEST_F(GveQueues, GoesWhereAFlowRuleSays) {
  MakeRxQueue(kHeaderBufferSize, false);
  ASSERT_EQ(ChangeFlowRule(RuleToPort(9999, 5, 0)), AdminStatus::kPassed);
  nic_.Receive({.bytes = TcpFrame(Pattern(100))});
  EXPECT_FALSE(RxWritten(0)) << "there is no queue 5";
  EXPECT_EQ(Counter("unsteered"), 1U);
  ASSERT_EQ(ChangeFlowRule(RuleToPort(9999, 0, 1)), AdminStatus::kPassed);
  nic_.Receive({.bytes = TcpFrame(Pattern(100))});
  EXPECT_FALSE(RxWritten(0)) << "the rule with the lower number goes first";
}

TEST_F(GveQueues, TheGenerationFlipsWhenTheRingWraps) {
  MakeRxQueue(0, false);
  const Bytes frame = TcpFrame(Pattern(10));
  for (std::uint32_t i = 0; i < kMinRing + 1; ++i) {
    // One buffer over and over: only its place in the ring moves.
    RxDescriptor buffer;
    buffer.buffer = buffers_;
    guest_.Put(ring_ + i % kMinRing * sizeof buffer, buffer);
    Doorbell(kRxDoorbells, (i + 1) % kMinRing);
    nic_.Receive({.bytes = frame});
  }
  EXPECT_FALSE(RxWritten(0)) << "written again, in the second round";
  EXPECT_TRUE(RxWritten(1));
  EXPECT_EQ(Counter("rx_packets0"), kMinRing + 1);
}

TEST_F(GveQueues, InterruptsAreOneShotAndRemembered) {
  MakeRxQueue(0, false);
  const std::uint32_t block = kMaxQueues;  // of receive queue 0
  const Bytes frame = TcpFrame(Pattern(10));
  nic_.Receive({.bytes = frame});
  EXPECT_THAT(guest_.interrupts.raised, IsEmpty()) << "not enabled yet";
  Doorbell(kNotifyDoorbells + block, kInterruptEnable);
  EXPECT_THAT(guest_.interrupts.raised, ElementsAre(block)) << "remembered";
  nic_.Receive({.bytes = frame});
  nic_.Receive({.bytes = frame});
  EXPECT_THAT(guest_.interrupts.raised, SizeIs(1)) << "masked since it fired";
  Doorbell(kNotifyDoorbells + block, kInterruptEnable | kInterruptClearPending);
  EXPECT_THAT(guest_.interrupts.raised, SizeIs(1)) << "forgotten on request";
  nic_.Receive({.bytes = frame});
  EXPECT_THAT(guest_.interrupts.raised, ElementsAre(block, block));
}

TEST_F(GveQueues, SurvivesFramesThatAreNone) {
  MakeRxQueue(kHeaderBufferSize, true);
  nic_.Receive({.bytes = {}});
  nic_.Receive({.bytes = Bytes(13, 0xff)});
  nic_.Receive({.bytes = Bytes(60, 0xff)});
  nic_.Receive({.bytes = Bytes(60, 0xff), .segment_size = 1});
  EXPECT_TRUE(RxWritten(0)) << "an unknown EtherType is a frame";
  EXPECT_FALSE(RxWritten(1));
}

}  // namespace
}  // namespace vnic::gve
