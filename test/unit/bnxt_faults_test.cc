// The bnxt model under each fault that concerns it: it bites, and clearing ends it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "test/unit/bnxt_queues.h"

namespace vnic::bnxt {
namespace {

constexpr std::size_t kPayload = 1000;
constexpr std::uint32_t kLargeBuffer = 8192;

class BnxtFaults : public BnxtQueues {
 protected:
  void Set(std::string_view fault) { ASSERT_TRUE(guest.faults.Set(fault)); }
  void Clear() { guest.faults.Clear(); }

  void BringUpSplitting(std::uint16_t coalesce = 0, std::uint32_t buffer = kBuffer) {
    BringUp(kPlacementSplitIpv4, coalesce);
    headers_ = PostBuffers(queue.rx, 32, 256);
    payload_ = PostBuffers(queue.aggregation, 32, buffer);
  }
  // Receives a segment; bytes in its header buffer.
  std::uint32_t ReceivedHead() {
    const std::uint32_t place = NextRecord();
    device.Receive(TcpPacket(kPayload));
    return Record(queue.rx_completions, place).type_flags_length >> kRxLengthShift;
  }
  // ... and what is in its only aggregation buffer, which comes in turn.
  Bytes ReceivedPayload() {
    const std::uint32_t place = NextRecord();
    device.Receive(TcpPacket(kPayload));
    const Completion piece = Record(queue.rx_completions, place + 2);
    return Memory(payload_ + piece.opaque * std::uint64_t{kBuffer},
                  piece.type_flags_length >> kRxLengthShift);
  }
  // Where the next completion will stand.
  [[nodiscard]] std::uint32_t NextRecord() const { return Records(queue); }
  [[nodiscard]] std::uint32_t Records(const BnxtQueue& of) const {
    std::uint32_t place = 0;
    while ((Record(of.rx_completions, place).phase_and_more & kPhase) != 0) ++place;
    return place;
  }

  // Whether a segment received now went to that queue.
  bool WentTo(const BnxtQueue& other) {
    const std::uint32_t before = Records(other);
    device.Receive(TcpPacket(100));
    return Records(other) != before;
  }

  GuestAddress headers_ = 0;
  GuestAddress payload_ = 0;
};

TEST_F(BnxtFaults, RuleIgnored) {
  BringUpSplitting();
  BnxtQueue other(*this);
  SteerToAnother(other);
  Set("rule-ignored");
  EXPECT_FALSE(WentTo(other));
  Clear();
  EXPECT_TRUE(WentTo(other));
}

TEST_F(BnxtFaults, RuleWrongQueue) {
  BringUpSplitting();
  BnxtQueue other(*this);
  SteerToAnother(other);
  Set("rule-wrong-queue");
  EXPECT_FALSE(WentTo(other));
  EXPECT_TRUE(WentTo(queue)) << "of the default VNIC";
  Clear();
  EXPECT_TRUE(WentTo(other));
}

TEST_F(BnxtFaults, RuleTooWide) {
  BringUpSplitting();
  BnxtQueue other(*this);
  SteerToAnother(other, false, 1);
  EXPECT_FALSE(WentTo(other)) << "of another port";
  Set("rule-too-wide");
  EXPECT_TRUE(WentTo(other));
  Clear();
  EXPECT_FALSE(WentTo(other));
}

TEST_F(BnxtFaults, RuleDeleteIgnored) {
  BringUpSplitting();
  BnxtQueue other(*this);
  FilterFreeRequest gone{};
  gone.filter = SteerToAnother(other).rule;
  Set("rule-delete-ignored");
  EXPECT_EQ(Send(CommandType::kFlowFilterFree, gone).error, 0);
  EXPECT_TRUE(WentTo(other));
  Clear();
  EXPECT_FALSE(WentTo(other));
}

TEST_F(BnxtFaults, RssTableIgnored) {
  BringUpSplitting();
  BnxtQueue other(*this);
  SteerToAnother(other, false, 1);
  Set("rss-table-ignored");
  const std::uint32_t before = Records(other);
  for (std::uint8_t port = 0; port < 32; ++port) {
    Packet packet = TcpPacket(100);
    packet.bytes[35] = port;  // of the source
    CompleteTransportChecksum(packet.bytes, Parse(packet.bytes));
    device.Receive(packet);
  }
  EXPECT_GT(Records(other), before) << "some go where the table does not lead";
  EXPECT_EQ(guest.faults.Text(), "rss-table-ignored 32");
  Clear();
  EXPECT_FALSE(WentTo(other));
}

TEST_F(BnxtFaults, RssContextIgnored) {
  BringUpSplitting();
  BnxtQueue other(*this);
  SteerToAnother(other, true);
  EXPECT_TRUE(WentTo(other));
  Set("rss-context-ignored");
  EXPECT_FALSE(WentTo(other));
  EXPECT_TRUE(WentTo(queue));
  Clear();
  EXPECT_TRUE(WentTo(other));
}

TEST_F(BnxtFaults, NoSplit) {
  BringUpSplitting();
  Set("no-split");
  EXPECT_EQ(ReceivedHead(), 256U) << "what its buffer holds";
  Clear();
  EXPECT_EQ(ReceivedHead(), kHeaders);
}

TEST_F(BnxtFaults, NeitherUnsplitNorUnvouchedIsCoalesced) {
  BringUpSplitting(63);
  Packet burst = TcpPacket(3000);
  burst.segment_size = kSegment;
  std::uint64_t packets = 0;
  std::uint64_t coalesced = 0;
  for (const char* fault : {"no-split", "checksum-unvouched=1"}) {
    SCOPED_TRACE(fault);
    Set(fault);
    device.Receive(burst);
    packets += 3;
    EXPECT_EQ(Counter("rx_packets"), packets);
    EXPECT_EQ(Counter("rx_coalesced"), coalesced);
    Clear();
    device.Receive(burst);
    ++packets;
    ++coalesced;
    EXPECT_EQ(Counter("rx_packets"), packets);
    EXPECT_EQ(Counter("rx_coalesced"), coalesced);
  }
}

TEST_F(BnxtFaults, SplitSometimes) {
  BringUpSplitting();
  Set("split-sometimes=2");
  EXPECT_EQ(ReceivedHead(), kHeaders);
  EXPECT_EQ(ReceivedHead(), 256U);
  EXPECT_EQ(ReceivedHead(), kHeaders);
}

TEST_F(BnxtFaults, SplitLate) {
  BringUpSplitting();
  Set("split-late=10");
  const Bytes all = Pattern(kPayload);
  EXPECT_EQ(ReceivedPayload(), Bytes(all.begin() + 10, all.end()));
  EXPECT_EQ(ReceivedHead(), kHeaders + 10);
  Set("split-late=1000");
  EXPECT_EQ(ReceivedHead(), 256U) << "as much as there is room for";
  Clear();
  EXPECT_EQ(ReceivedPayload(), all);
}

TEST_F(BnxtFaults, SplitLateInABurst) {
  BringUpSplitting(63);
  Packet burst = TcpPacket(3000);
  burst.segment_size = kSegment;
  Set("split-late=10");
  device.Receive(burst);
  EXPECT_EQ(Record(queue.rx_completions, 0).type_flags_length >> kRxLengthShift, kHeaders + 10);
  const Bytes all = Pattern(3000);
  EXPECT_EQ(Memory(payload_, 2990), Bytes(all.begin() + 10, all.end()));
}

TEST_F(BnxtFaults, SplitLostAfterReset) {
  BringUpSplitting();
  Set("split-lost-after-reset");
  EXPECT_EQ(ReceivedHead(), kHeaders) << "this ring was there before";
  BnxtQueue other(*this);
  VnicPlacementRequest split{};
  split.flags = kPlacementSplitIpv4;
  split.vnic = SteerToAnother(other).vnic;
  Send(CommandType::kVnicPlacementConfig, split);
  device.Receive(TcpPacket(kPayload));
  EXPECT_EQ(Record(other.rx_completions, 0).type_flags_length >> kRxLengthShift,
            kHeaders + kPayload);
  Clear();
  device.Receive(TcpPacket(kPayload));
  EXPECT_EQ(Record(other.rx_completions, 2).type_flags_length >> kRxLengthShift, kHeaders);
}

TEST_F(BnxtFaults, HeaderInPayload) {
  BringUpSplitting();
  Set("header-in-payload");
  const Bytes frame = TcpPacket(kPayload).bytes;
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload) + Bytes(frame.begin(), frame.begin() + kHeaders));
  Clear();
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload));
}

TEST_F(BnxtFaults, ShortBuffers) {
  BringUpSplitting(63, kLargeBuffer);
  Packet burst = TcpPacket(6000);
  burst.segment_size = kSegment;
  Set("short-buffers");
  device.Receive(burst);
  EXPECT_EQ(Record(queue.rx_completions, 2).type_flags_length >> kRxLengthShift, 4096U);
  EXPECT_EQ(guest.faults.Text(), "short-buffers 1");
  Clear();
  const std::uint32_t place = NextRecord();
  device.Receive(burst);
  EXPECT_EQ(Record(queue.rx_completions, place + 2).type_flags_length >> kRxLengthShift, 6000U);
}

TEST_F(BnxtFaults, BufferReused) {
  BringUpSplitting();
  Set("buffer-reused=2");
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload));
  EXPECT_EQ(ReceivedPayload(), Bytes(kPayload)) << "its own buffer was not written";
  EXPECT_EQ(Memory(payload_ + 2ULL * kBuffer, kPayload), Pattern(kPayload)) << "but the next";
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload)) << "which this packet gets";
}

TEST_F(BnxtFaults, CompletionLost) {
  BringUpSplitting();
  Set("completion-lost=2");
  for (int i = 0; i < 3; ++i) device.Receive(TcpPacket(kPayload));
  EXPECT_EQ(Record(queue.rx_completions, 2).opaque, 0U);
  EXPECT_EQ(Record(queue.rx_completions, 5).opaque, 1U);
  EXPECT_EQ(Record(queue.rx_completions, 8).opaque, 3U) << "2 is lost";
}

TEST_F(BnxtFaults, CompletionEarly) {
  BringUpSplitting();
  Set("completion-early=2");
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload));
  EXPECT_EQ(ReceivedPayload(), Bytes(kPayload));
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload));
}

TEST_F(BnxtFaults, PayloadShifted) {
  BringUpSplitting();
  Set("payload-shifted=3");
  const Bytes all = Pattern(kPayload);
  EXPECT_EQ(ReceivedPayload(), Bytes(3) + Bytes(all.begin(), all.end() - 3));
  Clear();
  EXPECT_EQ(ReceivedPayload(), all);
}

TEST_F(BnxtFaults, ChecksumUnvouched) {
  BringUpSplitting();
  Set("checksum-unvouched=1");
  device.Receive(TcpPacket(kPayload));
  EXPECT_EQ(Record(queue.rx_completions, 1).type_flags_length, kRx2IpChecked);
  Clear();
  device.Receive(TcpPacket(kPayload));
  EXPECT_EQ(Record(queue.rx_completions, 4).type_flags_length,
            kRx2IpChecked | kRx2TransportChecked);
}

TEST_F(BnxtFaults, RestartStopsNeighbour) {
  BringUpSplitting();
  Set("restart-stops-neighbour");
  EXPECT_TRUE(WentTo(queue));
  const std::uint32_t aside = Send(CommandType::kVnicAlloc, VnicAllocRequest{}).number;
  const BnxtQueue made(*this);
  EXPECT_TRUE(WentTo(queue)) << "no restart";
  SetMruAtRestart(aside, 0);
  const BnxtQueue restarted(*this);
  EXPECT_FALSE(WentTo(queue));
  Clear();
  EXPECT_TRUE(WentTo(queue));
}

TEST_F(BnxtFaults, StartsOfQueuesAreCounted) {
  EXPECT_EQ(guest.starts.Text(), "nic_starts=1 queue_restarts=0 rx_queues_made=1");
  const std::uint32_t aside = Send(CommandType::kVnicAlloc, VnicAllocRequest{}).number;
  const BnxtQueue made(*this);
  EXPECT_EQ(guest.starts.Text(), "nic_starts=1 queue_restarts=0 rx_queues_made=2");
  SetMruAtRestart(aside, 0);
  FreeRing(RingType::kRx, made.rx.id, kNoCompletionRing);
  const BnxtQueue restarted(*this);
  SetMruAtRestart(aside, 1518);
  EXPECT_EQ(guest.starts.Text(), "nic_starts=1 queue_restarts=1 rx_queues_made=3");
  FreeRing(RingType::kRx, queue.rx.id, kNoCompletionRing);
  FreeRing(RingType::kRx, restarted.rx.id, kNoCompletionRing);
  const BnxtQueue again(*this);
  EXPECT_EQ(guest.starts.Text(), "nic_starts=2 queue_restarts=1 rx_queues_made=4");
}

TEST_F(BnxtFaults, StatsFrozen) {
  BringUpSplitting();
  const auto packets = [&] {
    return std::uint64_t{guest.Get<QueueStatistics>(queue.statistics).rx_packets.unicast};
  };
  Set("stats-frozen");
  device.Receive(TcpPacket(kPayload));
  EXPECT_EQ(packets(), 0U);
  Clear();
  device.Receive(TcpPacket(kPayload));
  EXPECT_EQ(packets(), 2U);
}

TEST_F(BnxtFaults, DeviceReset) {
  BringUpSplitting();
  Set("device-reset=2");
  for (int i = 0; i < 3; ++i) device.Receive(TcpPacket(kPayload));
  EXPECT_EQ(Record(queue.rx_completions, 0).opaque, 0U);
  EXPECT_NE(Record(queue.rx_completions, 3).opaque, 1U) << "which makes the driver reset it";
  EXPECT_EQ(Record(queue.rx_completions, 6).opaque, 2U);
}

TEST_F(BnxtFaults, CommandRefused) {
  Set("command-refused=VNIC_ALLOC");
  EXPECT_EQ(Send(CommandType::kVnicAlloc, VnicAllocRequest{}).error,
            static_cast<std::uint16_t>(CommandError::kFail));
  EXPECT_EQ(Send(CommandType::kFuncQueryCaps).error, 0);
  Clear();
  EXPECT_EQ(Send(CommandType::kVnicAlloc, VnicAllocRequest{}).error, 0);
}

TEST_F(BnxtFaults, CommandRefusedAtARestartOnly) {
  const std::uint32_t vnic = Send(CommandType::kVnicAlloc, VnicAllocRequest{}).number;
  Set("command-refused=RING_FREE");
  EXPECT_EQ(FreeRing(RingType::kTx, queue.tx.id, kNoCompletionRing).error, 0);
  SetMruAtRestart(vnic, 0);
  const auto failed = static_cast<std::uint16_t>(CommandError::kFail);
  EXPECT_EQ(FreeRing(RingType::kRx, queue.rx.id, kNoCompletionRing).error, failed);
  SetMruAtRestart(vnic, 1518);
  EXPECT_EQ(FreeRing(RingType::kRx, queue.rx.id, kNoCompletionRing).error, 0);
}

TEST_F(BnxtFaults, CommandUnanswered) {
  Set("command-unanswered=VNIC_ALLOC");
  EXPECT_EQ(Send(CommandType::kVnicAlloc, VnicAllocRequest{}).error, 0xdead);
  EXPECT_EQ(Send(CommandType::kFuncQueryCaps).error, 0);
  Clear();
  EXPECT_EQ(Send(CommandType::kVnicAlloc, VnicAllocRequest{}).error, 0);
}

}  // namespace
}  // namespace vnic::bnxt
