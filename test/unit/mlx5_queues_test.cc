#include "test/unit/mlx5_queues.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace vnic::mlx5 {
namespace {

constexpr std::uint8_t kNop = 0x00;
constexpr std::uint8_t kSend = 0x0a;
constexpr std::uint8_t kCut = 0x0e;
constexpr std::uint8_t kUpdateKey = 0x25;
constexpr std::uint8_t kBothChecksums = 0xc0;

class Mlx5SendQueue : public testing::Test, public Mlx5QueueDriver {
 protected:
  const Ring completed = MakeCompletionQueue(events.number);
  const Ring ring = MakeSendQueue(completed);
};

TEST_F(Mlx5SendQueue, SendsAFrameWithItsChecksums) {
  const Packet expected = TcpPacket(100);
  Bytes bytes = expected.bytes;
  bytes[24] = bytes[25] = 0;  // IPv4 checksum
  bytes[50] = 0x12;           // TCP checksum, as a driver leaves it
  PutSend(ring, 0, kSend, {}, bytes, 0, kBothChecksums);
  RingSend(ring, 1);
  ASSERT_EQ(guest.wire.sent.size(), 1U);
  EXPECT_EQ(guest.wire.sent[0].bytes, expected.bytes);
  EXPECT_EQ(Completed(completed, 0).code_and_owner, 0x00);
  EXPECT_EQ(Completed(completed, 0).queue, ring.number);
  EXPECT_EQ(Completed(completed, 0).counter, 0U);
}

TEST_F(Mlx5SendQueue, SendsABurstWithHeadersInTheRequest) {
  const Packet packet = TcpPacket(5000);
  const Frame bytes = packet.bytes;
  PutSend(ring, 0, kCut, bytes.first(kHeaders), bytes.subspan(kHeaders), kSegment, kBothChecksums);
  RingSend(ring, 2);
  ASSERT_EQ(guest.wire.sent.size(), 1U);
  EXPECT_EQ(guest.wire.sent[0].segment_size, kSegment);
  EXPECT_EQ(guest.wire.sent[0].bytes, packet.bytes);
}

TEST_F(Mlx5SendQueue, CutsDatagrams) {
  const Bytes whole = Ethernet(kEthertypeIpv4) + Ipv4(kProtocolUdp, Udp(Pattern(2500)));
  Bytes told = whole;
  told[38] = 1008 >> 8;  // the length of the first datagram
  told[39] = 1008 & 0xff;
  PutSend(ring, 0, kCut, {}, told, kSegment, kBothChecksums);
  RingSend(ring, 1);
  ASSERT_EQ(guest.wire.sent.size(), 3U);
  constexpr std::size_t kUdpHeaders = 42;
  Bytes payload;
  for (std::size_t i = 0; i < 3; ++i) {
    const Bytes& frame = guest.wire.sent[i].bytes;
    const Headers headers = Parse(frame);
    EXPECT_EQ(headers.payload_end, frame.size());
    EXPECT_EQ(LoadAt<Be16>(frame, 18), 0x1234 + i);
    EXPECT_EQ(VerifyIpv4Checksum(frame, headers), ChecksumVerdict::kGood);
    EXPECT_EQ(VerifyTransportChecksum(frame, headers), ChecksumVerdict::kGood);
    payload.insert(payload.end(), frame.begin() + kUdpHeaders, frame.end());
  }
  EXPECT_EQ(payload, Pattern(2500));
}

TEST_F(Mlx5SendQueue, TakesAllThatIsPostedAcrossTheRingsEnd) {
  const Packet packet = TcpPacket(10);
  for (std::uint32_t i = 0; i < 3; ++i) {
    for (std::uint32_t at = 0; at < 60; ++at) PutSend(ring, at, kNop, {}, {}, 0, 0);
    SetTaken(completed, 64 * i);
    RingSend(ring, 64 * i + 60);
    for (std::uint32_t at = 60; at < 64; ++at) {
      PutSend(ring, at, kSend, {}, packet.bytes, 0, 0);
    }
    SetTaken(completed, 64 * i + 60);
    RingSend(ring, 64 * i + 64);
  }
  EXPECT_EQ(guest.wire.sent.size(), 12U);
}

TEST_F(Mlx5SendQueue, DoesNotSendWhatIsNotThere) {
  PutSend(ring, 0, kSend, {}, TcpPacket(100).bytes, 0, 0);
  guest.Put(ring.memory + 0x28, Be64(FakeGuest::kEnd - 10));
  RingSend(ring, 1);
  EXPECT_TRUE(guest.wire.sent.empty());
  EXPECT_EQ(Completed(completed, 0).queue, ring.number) << "its blocks come back all the same";

  PutSend(ring, 1, kSend, {}, TcpPacket(100).bytes, 0, 0);
  guest.Put(ring.memory + 64 + 0x24, Be32(key ^ 1U));
  RingSend(ring, 2);
  PutSend(ring, 2, kCut, {}, TcpPacket(100).bytes, 0, 0);
  RingSend(ring, 3);
  PutSend(ring, 3, kSend, {}, Bytes(kMinFrame - 1), 0, 0);
  RingSend(ring, 4);
  PutSend(ring, 4, kSend, {}, Bytes(kMaxMtu + 23), 0, 0);
  RingSend(ring, 5);
  EXPECT_TRUE(guest.wire.sent.empty());
  EXPECT_EQ(Counter("tx_refused"), 5U);
}

TEST_F(Mlx5SendQueue, ManyFramesAtOnceAreCompletedButNotSent) {
  const Bytes bytes = TcpPacket(60000).bytes;
  PutSend(ring, 0, kCut, {}, bytes, 1, 0);
  PutSend(ring, 1, kCut, {}, bytes, 1, 0);
  RingSend(ring, 2);
  EXPECT_EQ(guest.wire.sent.size(), 1U);
  EXPECT_EQ(Counter("tx_refused"), 1U);
}

TEST_F(Mlx5SendQueue, BreaksAtARequestThatCannotBe) {
  PutSend(ring, 0, 0x77, {}, TcpPacket(100).bytes, 0, 0);
  RingSend(ring, 1);
  PutSend(ring, 1, kSend, {}, TcpPacket(100).bytes, 0, 0);
  RingSend(ring, 2);
  EXPECT_TRUE(guest.wire.sent.empty());
}

TEST_F(Mlx5SendQueue, BreaksAtARequestLongerThanWhatIsPosted) {
  PutSend(ring, 0, kSend, {}, TcpPacket(100).bytes, 0, 0);
  guest.Put(ring.memory + 4, Be32(ring.number << 8U | 63U));
  RingSend(ring, 1);
  EXPECT_TRUE(guest.wire.sent.empty());
}

TEST_F(Mlx5SendQueue, ChangesAKeysTable) {
  const GuestAddress before = guest.Allocate(4096);
  const GuestAddress after = guest.Allocate(4096);
  const std::uint32_t pages = MakePagesKey({before, before, before, before});
  const Packet packet = TcpPacket(100);
  TryWrite(after, packet.bytes);
  // Pages 2 and 3, which are the second unit of 16 bytes; flags in their lowest bits.
  Request request(192);
  request.Set(0, 0, 8, kUpdateKey).Set(4, 0, 6, 9).SetWord(0x0c, pages);
  request.Set(0x14, 16, 16, 1).Set(0x14, 0, 16, 1).SetLong(0x80, after | 3U).SetLong(0x88, 0);
  TryWrite(ring.memory, request.Data());
  PutSend(ring, 3, kSend, {}, packet.bytes, 0, 0);
  guest.Put(ring.memory + 3 * 64 + 0x24, Be32(pages));
  guest.Put(ring.memory + 3 * 64 + 0x28, Be64(2 * 4096));
  RingSend(ring, 4);
  ASSERT_EQ(guest.wire.sent.size(), 1U);
  EXPECT_EQ(guest.wire.sent[0].bytes, packet.bytes);
  EXPECT_EQ(Counter("key_updates"), 1U);

  // Behind the table's end.
  request.Set(0x14, 0, 16, 2);
  TryWrite(ring.memory + 4 * 64, request.Data());
  RingSend(ring, 7);
  EXPECT_EQ(Counter("key_updates"), 1U);
}

TEST_F(Mlx5SendQueue, AKeyEndsWithItsLengthWhateverItsTable) {
  const GuestAddress page = guest.Allocate(4096);
  TryWrite(page, TcpPacket(100).bytes);
  const std::uint32_t pages = MakePagesKey({page, page, page});  // a table of four entries
  Request request(192);
  request.Set(0, 0, 8, kUpdateKey).Set(4, 0, 6, 9).SetWord(0x0c, pages);
  request.Set(0x14, 16, 16, 1).Set(0x14, 0, 16, 1).SetLong(0x80, page).SetLong(0x88, page);
  TryWrite(ring.memory, request.Data());
  for (std::uint32_t i = 3; i < 5; ++i) {
    PutSend(ring, i, kSend, {}, TcpPacket(100).bytes, 0, 0);
    guest.Put(ring.memory + std::uint64_t{64} * i + 0x24, Be32(pages));
    guest.Put(ring.memory + std::uint64_t{64} * i + 0x28, Be64((i - 1) * 4096));
  }
  RingSend(ring, 5);
  EXPECT_EQ(guest.wire.sent.size(), 1U) << "from page 2, and not from page 3";
}

class Mlx5ReceiveQueue : public testing::Test, public Mlx5QueueDriver {
 protected:
  void BringUp() {
    MakeReceiveQueue(ring, ReceiveQueueRequest(completed, ring));
    SteerTo(ring);
  }
  const Ring completed = MakeCompletionQueue(events.number);
  Ring ring = MakeRing();
};

TEST_F(Mlx5ReceiveQueue, WritesAFrameAndSaysWhatItIs) {
  BringUp();
  const GuestAddress buffer = PutReceiveRequest(ring, 0, 1);
  SetPosted(ring, 1);
  const Packet packet = TcpPacket(100);
  Doorbell(kArmCompletions, completed.number);
  EventDoorbell(kArmEvents, events.number << 24U);
  device.Receive(packet);
  EXPECT_EQ(Memory(buffer, packet.bytes.size()), packet.bytes);
  const Completion completion = Completed(completed, 0);
  EXPECT_EQ(completion.code_and_owner, 0x20);
  EXPECT_EQ(completion.bytes_and_strides, 3U << 16U | 154U);
  EXPECT_EQ(completion.header_types, 4U << 4U | 2U << 2U) << "TCP with ACK and data over IPv4";
  EXPECT_EQ(completion.checks, 6) << "both checksums are good";
  EXPECT_EQ(completion.checksum, InternetSum(Frame(packet.bytes).subspan(14)));
  EXPECT_EQ(guest.Get<Be32>(events.memory + 0x38), completed.number);
  EXPECT_EQ(guest.interrupts.raised, std::vector<std::uint32_t>{1});
  // The next begins at the next stride.
  device.Receive(packet);
  EXPECT_EQ(Completed(completed, 1).counter, 3U);
  EXPECT_EQ(Memory(buffer + 3 * 64, packet.bytes.size()), packet.bytes);
}

TEST_F(Mlx5ReceiveQueue, DoesNotVouchForABadChecksum) {
  BringUp();
  PutReceiveRequest(ring, 0, 1);
  SetPosted(ring, 1);
  Packet packet = TcpPacket(100);
  packet.bytes.back() ^= 1;
  device.Receive(packet);
  EXPECT_EQ(Completed(completed, 0).checks, 2);
  EXPECT_EQ(Counter("rx_bad_checksum"), 1U);
}

TEST_F(Mlx5ReceiveQueue, ClosesARequestWithAFillerAndFollowsTheList) {
  BringUp();
  PutReceiveRequest(ring, 0, 2);  // 2 is behind it, not 1
  const GuestAddress second = PutReceiveRequest(ring, 2, 1);
  SetPosted(ring, 2);
  const Packet packet = TcpPacket(10000);  // 158 strides of 512
  for (int i = 0; i < 4; ++i) device.Receive(packet);
  const Completion filler = Completed(completed, 3);
  EXPECT_EQ(filler.bytes_and_strides, 1U << 31U | (512U - 3 * 158U) << 16U);
  EXPECT_EQ(filler.wqe, 0U);
  EXPECT_EQ(Completed(completed, 4).wqe, 2U);
  EXPECT_EQ(Memory(second, packet.bytes.size()), packet.bytes);
}

TEST_F(Mlx5ReceiveQueue, CountsWhatFindsNoRequest) {
  BringUp();
  device.Receive(TcpPacket(100));
  EXPECT_EQ(Counter("rx_no_buffers"), 1U);
  const Answer counters = Execute(Opcode::kQueryQCounter, Request(0x20).Set(0x1c, 0, 8, 7), 0x100);
  EXPECT_EQ(Bits(counters.reply).Word(0x30), 1U);
}

TEST_F(Mlx5ReceiveQueue, DropsWhereCompletionsHaveNoRoom) {
  BringUp();
  PutReceiveRequest(ring, 0, 1);
  SetPosted(ring, 1);
  for (int i = 0; i < 70; ++i) device.Receive(TcpPacket(1));
  EXPECT_EQ(Counter("rx_packets"), 63U);  // of 64, one is for a filler
  SetTaken(completed, 10);
  device.Receive(TcpPacket(1));
  EXPECT_EQ(Counter("rx_packets"), 64U);
}

TEST_F(Mlx5ReceiveQueue, TakesNothingUnlessReady) {
  BringUp();
  PutReceiveRequest(ring, 0, 1);
  SetPosted(ring, 1);
  SetState(Opcode::kModifyRq, ring.number, 0);
  device.Receive(TcpPacket(100));
  EXPECT_EQ(Counter("rx_packets"), 0U);
}

TEST_F(Mlx5ReceiveQueue, DropsWhatIsLongerThanTheMtu) {
  BringUp();
  PutReceiveRequest(ring, 0, 1);
  SetPosted(ring, 1);
  EXPECT_TRUE(Execute(Opcode::kAccessRegister,
                      Request(0x20).Set(8, 0, 16, 0x5003).Set(0x18, 16, 16, 1522), 0x20)
                  .Ok());
  device.Receive(TcpPacket(1518 - kHeaders + 1));
  EXPECT_EQ(Counter("rx_too_long"), 1U);
  device.Receive(TcpPacket(1518 - kHeaders));
  EXPECT_EQ(Counter("rx_packets"), 1U);
}

TEST_F(Mlx5ReceiveQueue, WritesNothingBesideTheGuestsMemory) {
  BringUp();
  PutReceiveRequest(ring, 0, 1);
  guest.Put(ring.memory + 0x18, Be64(FakeGuest::kEnd - 10));
  SetPosted(ring, 1);
  device.Receive(TcpPacket(100));
  EXPECT_EQ(Counter("rx_refused"), 1U);
  EXPECT_EQ(Completed(completed, 0).queue, 0U);
}

// Its doorbell record still is, and says that there is room.
TEST_F(Mlx5ReceiveQueue, DropsWhereCompletionsAreNoLongerInMemory) {
  constexpr GuestAddress kElsewhere = FakeGuest::kUnmapped;
  ASSERT_TRUE(
      guest.memory.Map(kElsewhere, 4096, MemoryFile(4096), 0, {.read = true, .write = true}));
  const Ring moved{.number = Make(Opcode::kCreateCq, Request(0x118)
                                                         .Set(0x1c, 24, 5, kLogRecords)
                                                         .Set(0x24, 0, 32, events.number)
                                                         .SetLong(0x48, completed.doorbell_record)
                                                         .SetLong(0x110, kElsewhere)),
                   .memory = kElsewhere,
                   .doorbell_record = completed.doorbell_record};
  MakeReceiveQueue(ring, ReceiveQueueRequest(moved, ring));
  SteerTo(ring);
  PutReceiveRequest(ring, 0, 1);
  PutReceiveRequest(ring, 1, 2);
  SetPosted(ring, 2);
  for (int i = 0; i < 3; ++i) device.Receive(TcpPacket(9000));
  ASSERT_TRUE(guest.memory.Unmap(kElsewhere, 4096));
  device.Receive(TcpPacket(9000));  // does not fit, and the request cannot be closed
  EXPECT_EQ(Counter("rx_packets"), 3U);
  EXPECT_EQ(Counter("rx_no_buffers"), 1U);
}

TEST_F(Mlx5ReceiveQueue, ADestroyedQueueTakesNothing) {
  BringUp();
  DestroyReceiveQueue(ring.number);
  device.Receive(TcpPacket(100));
  EXPECT_EQ(Counter("rx_unsteered"), 1U);
}

class Mlx5Split : public testing::Test, public Mlx5QueueDriver {
 protected:
  static constexpr std::uint8_t kMatch = 2;
  static constexpr std::uint8_t kFlush = 4;

  void SetUp() override { SteerTo(queue.ring); }
  const SplitQueue queue = MakeSplitQueue(events);
  const Ring& completed = queue.completed;
  const GuestAddress headers = queue.headers;
  const GuestAddress first = queue.first;
  const GuestAddress second = queue.second;
};

TEST_F(Mlx5Split, PutsHeadersAndPayloadInPlacesOfTheirOwn) {
  const Packet packet = TcpPacket(1000);
  const Frame bytes = packet.bytes;
  device.Receive(packet);
  device.Receive(packet);
  EXPECT_EQ(Memory(headers, kHeaders), Bytes(bytes.begin(), bytes.begin() + kHeaders));
  EXPECT_EQ(Memory(headers + 256, kHeaders), Bytes(bytes.begin(), bytes.begin() + kHeaders));
  EXPECT_EQ(Memory(first, 1000), Bytes(bytes.begin() + kHeaders, bytes.end()));
  EXPECT_EQ(Memory(first + 1024, 1000), Bytes(bytes.begin() + kHeaders, bytes.end()));
  const Completion completion = Completed(completed, 1);
  EXPECT_EQ(completion.session, kFlush);
  EXPECT_EQ(completion.header_size, kHeaders);
  EXPECT_EQ(completion.header_entry, 1U);
  EXPECT_EQ(completion.data_offset, 1024U);
  EXPECT_EQ(completion.bytes_and_strides, 4U << 16U | 1054U);
}

TEST_F(Mlx5Split, MergesTheSegmentsOfABurst) {
  Packet burst = TcpPacket(2500);
  burst.segment_size = kSegment;
  const Frame payload = Frame(burst.bytes).subspan(kHeaders);
  const Bytes expected(payload.begin(), payload.end());
  device.Receive(burst);
  EXPECT_EQ(Memory(first, 2500), expected) << "byte behind byte";
  EXPECT_EQ(Completed(completed, 0).session, 0);
  EXPECT_EQ(Completed(completed, 1).session, kMatch);
  EXPECT_EQ(Completed(completed, 2).session, kMatch | kFlush);
  EXPECT_EQ(Completed(completed, 1).data_offset, 1000U);
  // 4 strides hold 1024 bytes, 8 hold 2048, 10 hold 2560.
  EXPECT_EQ(Completed(completed, 0).bytes_and_strides >> 16U, 4U);
  EXPECT_EQ(Completed(completed, 1).bytes_and_strides >> 16U, 4U);
  EXPECT_EQ(Completed(completed, 2).bytes_and_strides >> 16U, 2U);
  EXPECT_EQ(Counter("rx_merged"), 2U);
}

TEST_F(Mlx5Split, ASegmentWithoutPayloadTakesNoStride) {
  device.Receive(TcpPacket(0));
  EXPECT_EQ(Completed(completed, 0).bytes_and_strides, kHeaders);
  EXPECT_EQ(Completed(completed, 0).header_size, kHeaders);
  device.Receive(TcpPacket(100));
  EXPECT_EQ(Completed(completed, 1).data_offset, 0U);
}

TEST_F(Mlx5Split, WhatIsNotTcpStaysWhole) {
  const Packet packet =
      WithChecksums(Ethernet(kEthertypeIpv4) + Ipv4(kProtocolUdp, Udp(Pattern(100))));
  device.Receive(packet);
  EXPECT_EQ(Completed(completed, 0).header_size, 0);
  EXPECT_EQ(Memory(first, packet.bytes.size()), packet.bytes);
  device.Receive(TcpPacket(100));
  EXPECT_EQ(Completed(completed, 1).header_entry, 0U) << "no entry was taken";
}

// Eight packets a reservation, and one reservation a request.
TEST_F(Mlx5Split, ARequestHasOnlySoManyHeaders) {
  for (int i = 0; i < 9; ++i) device.Receive(TcpPacket(100));
  EXPECT_EQ(Completed(completed, 8).bytes_and_strides, 1U << 31U | (128U - 8U) << 16U);
  EXPECT_EQ(Completed(completed, 9).wqe, 1U);
  EXPECT_EQ(Completed(completed, 9).header_entry, 8U);
}

// The next segment would find room in the last stride, but the request is the driver's by then.
TEST_F(Mlx5Split, ASessionEndsWithTheLastStride) {
  for (int i = 0; i < 3; ++i) device.Receive(TcpPacket(10000));  // 40 strides of 128
  device.Receive(TcpPacket(1700));                               // 7
  Packet burst = TcpPacket(200);
  burst.segment_size = 100;
  device.Receive(burst);
  EXPECT_EQ(Completed(completed, 4).session, kFlush);
  EXPECT_EQ(Completed(completed, 4).wqe, 0U);
  EXPECT_EQ(Completed(completed, 5).wqe, 1U);
  EXPECT_EQ(Completed(completed, 5).data_offset, 0U);
  std::uint32_t strides = 0;
  for (std::uint32_t i = 0; i < 5; ++i) {
    strides += Completed(completed, i).bytes_and_strides >> 16U;
  }
  EXPECT_EQ(strides, 128U);
}

// A session ends with its request, and the strides of a request with their sum.
TEST_F(Mlx5Split, ABurstGoesOnInTheNextRequest) {
  Packet burst = TcpPacket(45000);
  burst.segment_size = 9000;
  EXPECT_TRUE(Execute(Opcode::kAccessRegister,
                      Request(0x20).Set(8, 0, 16, 0x5003).Set(0x18, 16, 16, 9100), 0x20)
                  .Ok());
  device.Receive(burst);
  std::uint32_t strides = 0;
  for (std::uint32_t i = 0; i < 4; ++i) {  // three segments and a filler
    strides += Completed(completed, i).bytes_and_strides >> 16U & 0x7fffU;
    EXPECT_EQ(Completed(completed, i).wqe, 0U);
  }
  EXPECT_EQ(strides, 128U);
  EXPECT_EQ(Completed(completed, 2).session, kMatch | kFlush);
  EXPECT_EQ(Completed(completed, 4).session, 0) << "a session of its own";
  const Frame payload = Frame(burst.bytes).subspan(kHeaders + 27000);
  EXPECT_EQ(Memory(second, 18000), Bytes(payload.begin(), payload.end()));
}

}  // namespace
}  // namespace vnic::mlx5
