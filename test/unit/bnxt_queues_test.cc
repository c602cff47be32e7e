#include "test/unit/bnxt_queues.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace vnic::bnxt {
namespace {

TEST_F(BnxtQueues, SendsAFrameWithItsChecksums) {
  const Packet expected = TcpPacket(100);
  Bytes bytes = expected.bytes;
  bytes[24] = bytes[25] = 0;  // IPv4 checksum
  bytes[50] = 0x12;           // TCP checksum, as a driver leaves it
  PutPacket(bytes, {.flags = kTxTransportChecksum | kTxIpChecksum,
                    .segment_size = 0,
                    .action = 0,
                    .metadata = 0});
  Doorbell(DoorbellType::kTx, queue.tx.id, 2);
  ASSERT_EQ(guest.wire.sent.size(), 1U);
  EXPECT_EQ(guest.wire.sent[0].bytes, expected.bytes);
  EXPECT_EQ(Record(queue.tx_completions, 0).opaque, 0xabcdU);
  EXPECT_EQ(Record(queue.tx_completions, 0).phase_and_more, 1U);
}

TEST_F(BnxtQueues, SendsABurst) {
  PutPacket(TcpPacket(5000).bytes,
            {.flags = kTxSegment, .segment_size = kSegment, .action = 0, .metadata = 0});
  Doorbell(DoorbellType::kTx, queue.tx.id, 2);
  ASSERT_EQ(guest.wire.sent.size(), 1U);
  EXPECT_EQ(guest.wire.sent[0].segment_size, kSegment);
  EXPECT_EQ(guest.wire.sent[0].bytes.size(), kHeaders + 5000);
}

TEST_F(BnxtQueues, CountsTheFramesOfABurst) {
  PutPacket(TcpPacket(5 * kSegment - 1).bytes,
            {.flags = kTxSegment, .segment_size = kSegment, .action = 0, .metadata = 0});
  Doorbell(DoorbellType::kTx, queue.tx.id, 2);
  EXPECT_EQ(guest.Get<QueueStatistics>(queue.statistics).tx_packets.unicast, 5U);
}

TEST_F(BnxtQueues, CountsABurstThatCannotBeCutAsOneFrame) {
  Bytes bytes = TcpPacket(5000).bytes;
  bytes[47] |= kTcpSyn;
  PutPacket(bytes, {.flags = kTxSegment, .segment_size = kSegment, .action = 0, .metadata = 0});
  Doorbell(DoorbellType::kTx, queue.tx.id, 2);
  EXPECT_EQ(guest.Get<QueueStatistics>(queue.statistics).tx_packets.unicast, 1U);
}

TEST_F(BnxtQueues, CompletesOnlyWhereAsked) {
  PutPacket(TcpPacket(100).bytes, {}, kTxNoCompletion);
  Doorbell(DoorbellType::kTx, queue.tx.id, 2);
  EXPECT_EQ(guest.wire.sent.size(), 1U);
  EXPECT_EQ(Record(queue.tx_completions, 0).phase_and_more, 0U);
}

TEST_F(BnxtQueues, DoesNotSendWhatIsNotThere) {
  PutPacket(TcpPacket(100).bytes, {});
  auto descriptor = guest.Get<BufferDescriptor>(queue.tx.memory);
  descriptor.address = FakeGuest::kEnd - 10;
  guest.Put(queue.tx.memory, descriptor);
  Doorbell(DoorbellType::kTx, queue.tx.id, 2);
  EXPECT_TRUE(guest.wire.sent.empty());
  EXPECT_EQ(Record(queue.tx_completions, 0).opaque, 0xabcdU);  // its slots come back all the same

  descriptor.flags_length = (descriptor.flags_length & ~0x1f00U) | 31U << kTxCountShift;
  PutRecord(queue.tx, 2, descriptor);
  Doorbell(DoorbellType::kTx, queue.tx.id, 4);
  EXPECT_TRUE(guest.wire.sent.empty());
}

TEST_F(BnxtQueues, DoesNotSendASegmentSizeOfZero) {
  PutPacket(TcpPacket(5000).bytes,
            {.flags = kTxSegment, .segment_size = 0, .action = 0, .metadata = 0});
  Doorbell(DoorbellType::kTx, queue.tx.id, 2);
  EXPECT_TRUE(guest.wire.sent.empty());
}

TEST_F(BnxtQueues, ManyFramesAtOnceAreCompletedButNotSent) {
  const Bytes bytes = TcpPacket(60000).bytes;
  const TxExtension cut{.flags = kTxSegment, .segment_size = 1, .action = 0, .metadata = 0};
  PutPacket(bytes, cut);
  for (std::uint32_t i = 2; i < 4; ++i) {
    const auto record = guest.Get<BufferDescriptor>(queue.tx.memory + (i - 2) * kRecordSize);
    PutRecord(queue.tx, i, record);
  }
  Doorbell(DoorbellType::kTx, queue.tx.id, 4);
  EXPECT_EQ(guest.wire.sent.size(), 1U);
  EXPECT_EQ(guest.Get<QueueStatistics>(queue.statistics).tx_errors, 1U);
  EXPECT_EQ(Record(queue.tx_completions, 1).opaque, 0xabcdU);

  PutRecord(queue.tx, 4, guest.Get<BufferDescriptor>(queue.tx.memory));
  PutRecord(queue.tx, 5, cut);
  Doorbell(DoorbellType::kTx, queue.tx.id, 6);
  EXPECT_EQ(guest.wire.sent.size(), 2U) << "the next doorbell begins anew";
}

// One buffer again and again: 128 times the most that a packet may hold.
TEST_F(BnxtQueues, ManyBytesAtOnceAreNotRead) {
  constexpr std::uint32_t kLongRing = 8 * kRingRecords;
  constexpr std::uint32_t kPieces = 8;
  RingAllocRequest fields{};
  fields.page_table = guest.Allocate(4096);
  fields.page_table_depth = 1;
  fields.length = kLongRing;
  fields.completion_ring = queue.tx_completions.id;
  Ring ring{.id = 0, .memory = guest.Allocate(8 * 4096), .error = 0};
  for (std::uint64_t page = 0; page < 8; ++page) {
    guest.Put(fields.page_table + 8 * page, Le64(ring.memory + page * 4096));
  }
  ring.id = AllocateRing(RingType::kTx, fields).id;
  const GuestAddress buffer = guest.Allocate(65535);
  const auto descriptor = [&](std::uint32_t length, std::uint32_t flags) {
    return BufferDescriptor{.flags_length = length << 16U | flags, .opaque = 0, .address = buffer};
  };
  std::uint32_t index = 0;
  for (int packet = 0; packet < 129; ++packet) {
    for (std::uint32_t piece = 0; piece < kPieces; ++piece) {
      PutRecord(ring, index++,
                descriptor(65535, kTxNoCompletion | (piece == 0 ? kPieces << kTxCountShift : 0)));
    }
  }
  PutRecord(ring, index++, descriptor(2000, kTxNoCompletion | 1U << kTxCountShift));
  Doorbell(DoorbellType::kTx, ring.id, index);
  EXPECT_TRUE(guest.wire.sent.empty());

  PutRecord(ring, index++, descriptor(2000, kTxNoCompletion | 1U << kTxCountShift));
  Doorbell(DoorbellType::kTx, ring.id, index);
  EXPECT_EQ(guest.wire.sent.size(), 1U) << "the next doorbell begins anew";
}

TEST_F(BnxtQueues, ReceivesIntoOneBuffer) {
  BringUp();
  const GuestAddress memory = PostBuffers(queue.rx, 4, 2048);
  const Packet packet = TcpPacket(1000);
  device.Receive(packet);
  const Completion first = Record(queue.rx_completions, 0);
  const Completion second = Record(queue.rx_completions, 1);
  EXPECT_EQ(first.type_flags_length, 17U | kRxIsTcp | kRxHashValid |
                                         static_cast<std::uint32_t>(packet.bytes.size())
                                             << kRxLengthShift);
  EXPECT_EQ(first.phase_and_more, 1U);  // no aggregation buffers
  EXPECT_EQ(second.type_flags_length, kRx2IpChecked | kRx2TransportChecked);
  EXPECT_EQ(second.phase_and_more, 1U);  // no errors
  EXPECT_EQ(Memory(memory, packet.bytes.size()), packet.bytes);
}

TEST_F(BnxtQueues, SplitsHeadersFromPayload) {
  BringUp(kPlacementSplitIpv4);
  const GuestAddress headers = PostBuffers(queue.rx, 4, 256);
  const GuestAddress payload = PostBuffers(queue.aggregation, 4, kBuffer);
  const Packet packet = TcpPacket(1000);
  device.Receive(packet);
  const Completion first = Record(queue.rx_completions, 0);
  EXPECT_EQ(first.type_flags_length >> kRxLengthShift, kHeaders);
  EXPECT_EQ(first.phase_and_more, 1U | 1U << kRxBuffersShift);
  EXPECT_EQ(Record(queue.rx_completions, 2).type_flags_length, 18U | 1000U << kRxLengthShift);
  EXPECT_EQ(Memory(headers, 12), Bytes(packet.bytes.begin(), packet.bytes.begin() + 12));
  EXPECT_EQ(Memory(payload, 1000), Pattern(1000));
}

TEST_F(BnxtQueues, MarksABadChecksum) {
  BringUp();
  PostBuffers(queue.rx, 4, 2048);
  Packet packet = TcpPacket(1000);
  packet.bytes[200] ^= 1;
  device.Receive(packet);
  EXPECT_EQ(Record(queue.rx_completions, 1).phase_and_more, 1U | kRx2TransportChecksumError);
  EXPECT_EQ(Counter("rx_bad_checksum"), 1U);
}

TEST_F(BnxtQueues, TakesABurstAsOne) {
  BringUp(kPlacementSplitIpv4, 63);
  PostBuffers(queue.rx, 4, 256);
  const GuestAddress payload = PostBuffers(queue.aggregation, 4, kBuffer);
  Packet burst = TcpPacket(4500);
  burst.segment_size = kSegment;
  device.Receive(burst);
  EXPECT_EQ(Record(queue.rx_completions, 0).type_flags_length & 0x3fU, 19U);
  EXPECT_EQ(Record(queue.rx_completions, 2).type_flags_length, 22U | kBuffer << kRxLengthShift);
  EXPECT_EQ(Record(queue.rx_completions, 3).type_flags_length, 22U | (4500U - kBuffer)
                                                                         << kRxLengthShift);
  EXPECT_EQ(Record(queue.rx_completions, 4).phase_and_more, 1U | 5U << kCoalesceSegmentsShift);
  const Completion end = Record(queue.rx_completions, 5);
  EXPECT_EQ(end.type_flags_length,
            kHeaders << kCoalescePayloadOffsetShift | 2U << kCoalesceBuffersShift);
  EXPECT_EQ(end.opaque, kSegment);
  EXPECT_EQ(Memory(payload, 4500), Pattern(4500));

  // It took two header buffers: the next packet is in the third.
  device.Receive(TcpPacket(10));
  EXPECT_EQ(Record(queue.rx_completions, 6).opaque, 2U);
}

TEST_F(BnxtQueues, TakesABurstAsFramesWithoutCoalescing) {
  BringUp(kPlacementSplitIpv4);
  PostBuffers(queue.rx, 8, 256);
  PostBuffers(queue.aggregation, 8, kBuffer);
  Packet burst = TcpPacket(4500);
  burst.segment_size = kSegment;
  device.Receive(burst);
  EXPECT_EQ(Counter("rx_packets"), 5U);
  EXPECT_EQ(Counter("rx_bad_checksum"), 0U);
}

TEST_F(BnxtQueues, DropsWholePacketsOnly) {
  BringUp(kPlacementSplitIpv4);
  PostBuffers(queue.rx, 4, 256);
  PostBuffers(queue.aggregation, 1, 512);
  device.Receive(TcpPacket(1000));  // needs two
  EXPECT_EQ(Record(queue.rx_completions, 0).phase_and_more, 0U);
  EXPECT_EQ(Counter("rx_no_buffers"), 1U);
  device.Receive(TcpPacket(400));
  EXPECT_EQ(Record(queue.rx_completions, 0).opaque, 0U);
  EXPECT_EQ(Counter("rx_packets"), 1U);
}

TEST_F(BnxtQueues, DoesNotWriteOutsideMemory) {
  BringUp();
  PutRecord(queue.rx, 0,
            BufferDescriptor{
                .flags_length = 2048U << 16U, .opaque = 0, .address = FakeGuest::kEnd - 100});
  Doorbell(DoorbellType::kRx, queue.rx.id, 1);
  device.Receive(TcpPacket(1000));
  EXPECT_EQ(Counter("rx_refused"), 1U);
  EXPECT_EQ(Counter("rx_packets"), 0U);
}

TEST_F(BnxtQueues, TakesNothingWithoutMru) {
  BringUp();
  PostBuffers(queue.rx, 4, 2048);
  SetMru(0);
  device.Receive(TcpPacket(100));
  EXPECT_EQ(Counter("rx_unsteered"), 1U);
  SetMru(1000);
  device.Receive(TcpPacket(1000));
  EXPECT_EQ(Counter("rx_too_long"), 1U);
  device.Receive(TcpPacket(100));
  EXPECT_EQ(Counter("rx_packets"), 1U);
}

TEST_F(BnxtQueues, TakesNoFramesOfOthers) {
  BringUp();
  PostBuffers(queue.rx, 4, 2048);
  Packet packet = TcpPacket(100);
  packet.bytes[5] = 9;
  device.Receive(packet);
  EXPECT_EQ(Counter("rx_filtered"), 1U);
}

TEST_F(BnxtQueues, FullCompletionQueueDrops) {
  BringUp();
  PostBuffers(queue.rx, 200, 2048);
  for (int i = 0; i < 130; ++i) device.Receive(TcpPacket(10));  // two records each, room for 255
  EXPECT_EQ(Counter("rx_packets"), 127U);
  EXPECT_EQ(Counter("rx_no_buffers"), 3U);
  Doorbell(DoorbellType::kCompletion, queue.rx_completions.id, 254);
  device.Receive(TcpPacket(10));
  EXPECT_EQ(Counter("rx_packets"), 128U);
  EXPECT_EQ(Record(queue.rx_completions, 254).phase_and_more & kPhase, 1U);
}

TEST_F(BnxtQueues, AnArmedQueueSpeaksOnce) {
  BringUp();
  PostBuffers(queue.rx, 4, 2048);
  device.Receive(TcpPacket(10));  // neither is armed yet
  EXPECT_TRUE(guest.interrupts.raised.empty());
  Doorbell(DoorbellType::kCompletionArm, queue.rx_completions.id, 0);  // there is something
  EXPECT_TRUE(guest.interrupts.raised.empty());
  Doorbell(DoorbellType::kNotificationArm, queue.notifications.id, 0);
  EXPECT_EQ(guest.interrupts.raised.size(), 1U);
  device.Receive(TcpPacket(10));
  EXPECT_EQ(guest.interrupts.raised.size(), 1U);
  Doorbell(DoorbellType::kNotificationArm, queue.notifications.id, 1);
  EXPECT_EQ(guest.interrupts.raised.size(), 1U);
  Doorbell(DoorbellType::kCompletionArm, queue.rx_completions.id, 2);
  EXPECT_EQ(guest.interrupts.raised.size(), 2U);
}

}  // namespace
}  // namespace vnic::bnxt
