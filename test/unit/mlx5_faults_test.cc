// The mlx5 model under each fault that concerns it: it bites, and clearing ends it.
#include <gtest/gtest.h>

#include <cstdint>

#include "ci/vnic/net/checksum.h"
#include "test/unit/mlx5_queues.h"

namespace vnic::mlx5 {
namespace {

constexpr std::size_t kPayload = 1000;
constexpr std::uint32_t kLogHeaders = 5;
constexpr std::uint8_t kMatch = 2;
constexpr std::uint8_t kFlush = 4;

class Mlx5Faults : public testing::Test, public Mlx5QueueDriver {
 protected:
  void Set(std::string_view fault) { ASSERT_TRUE(guest.faults.Set(fault)); }
  void Clear() { guest.faults.Clear(); }

  static Packet Burst(std::size_t payload) {
    Packet burst = TcpPacket(payload);
    burst.segment_size = kSegment;
    return burst;
  }
  // Receives a segment; what its completion says.
  Completion Received() {
    const std::uint32_t index = Completions(queue.completed);
    device.Receive(TcpPacket(kPayload));
    return Completed(queue.completed, index);
  }
  // ... and what is where it says.
  Bytes ReceivedPayload() {
    const Completion completion = Received();
    const std::size_t bytes = (completion.bytes_and_strides & 0xffffU) - completion.header_size;
    return Memory(queue.first + completion.data_offset, bytes);
  }
  // Whether a segment received now went to that queue.
  bool WentTo(const SplitQueue& to) {
    const std::uint32_t before = Completions(to.completed);
    device.Receive(TcpPacket(100));
    return Completions(to.completed) != before;
  }
  // A queue in the place of `old`, which goes.
  SplitQueue Restart(const SplitQueue& old) {
    const SplitQueue made = MakeSplitQueue(old.events, kLogHeaders);
    DestroyReceiveQueue(old.ring.number);
    return made;
  }

  const SplitQueue queue = MakeSplitQueue(events, kLogHeaders);
  const SplitQueue other = MakeSplitQueue(MakeEventQueue(2), kLogHeaders);
  const std::uint32_t to_other = MakeReceiver({other.ring.number});
  // As the driver's: several slots, here all of one queue.
  const Flows rules = SteerToReceiver(MakeReceiver({queue.ring.number, queue.ring.number}));
};

TEST_F(Mlx5Faults, RuleIgnored) {
  SetFlow(rules, 0, 9999, to_other);
  Set("rule-ignored");
  EXPECT_TRUE(WentTo(queue));
  Clear();
  EXPECT_TRUE(WentTo(other));
}

TEST_F(Mlx5Faults, RuleWrongQueue) {
  Set("rule-wrong-queue=1");
  EXPECT_TRUE(WentTo(queue)) << "by no rule";
  SetFlow(rules, 0, 9999, to_other);
  Set("rule-wrong-queue=0");
  EXPECT_TRUE(WentTo(queue));
  Set("rule-wrong-queue=2");
  EXPECT_TRUE(WentTo(other)) << "there is no third";
  Clear();
  EXPECT_TRUE(WentTo(other));
}

TEST_F(Mlx5Faults, RuleTooWide) {
  SetFlow(rules, 0, 1, to_other);
  EXPECT_TRUE(WentTo(queue)) << "of another port";
  Set("rule-too-wide");
  EXPECT_TRUE(WentTo(other));
  Clear();
  EXPECT_TRUE(WentTo(queue));
}

TEST_F(Mlx5Faults, RuleDeleteIgnored) {
  SetFlow(rules, 0, 9999, to_other);
  Set("rule-delete-ignored");
  DeleteFlow(rules, 0);
  EXPECT_TRUE(WentTo(other));
  Clear();
  EXPECT_TRUE(WentTo(queue));
}

TEST_F(Mlx5Faults, RssTableIgnored) {
  SetFlow(rules, 0, 1, to_other);
  Set("rss-table-ignored");
  const std::uint32_t before = Completions(other.completed);
  for (std::uint8_t port = 0; port < 32; ++port) {
    Packet packet = TcpPacket(0);
    packet.bytes[35] = port;  // of the source
    CompleteTransportChecksum(packet.bytes, Parse(packet.bytes));
    device.Receive(packet);
  }
  EXPECT_GT(Completions(other.completed), before) << "some go where the table does not lead";
  EXPECT_EQ(guest.faults.Text(), "rss-table-ignored 32");
  Clear();
  EXPECT_TRUE(WentTo(queue));
}

TEST_F(Mlx5Faults, RssContextIgnored) {
  Set("rss-context-ignored");
  SetFlow(rules, 0, 9999, to_other);
  EXPECT_TRUE(WentTo(other)) << "the rule names a queue";
  SetFlow(rules, 0, 9999, MakeReceiver({other.ring.number, other.ring.number}));
  EXPECT_TRUE(WentTo(queue));
  Clear();
  EXPECT_TRUE(WentTo(other));
}

TEST_F(Mlx5Faults, NoSplit) {
  Set("no-split");
  const Completion whole = Received();
  EXPECT_EQ(whole.header_size, 0);
  EXPECT_EQ(Memory(queue.first, kHeaders + kPayload), TcpPacket(kPayload).bytes);
  Clear();
  const Completion split = Received();
  EXPECT_EQ(split.header_size, kHeaders);
  EXPECT_EQ(split.header_entry, 0) << "the other took none";
  EXPECT_EQ(whole.bytes_and_strides >> 16U, split.data_offset / 256U);
}

TEST_F(Mlx5Faults, SplitLate) {
  Set("split-late=10");
  const Bytes all = Pattern(kPayload);
  EXPECT_EQ(ReceivedPayload(), Bytes(all.begin() + 10, all.end()));
  EXPECT_EQ(Received().header_size, kHeaders + 10);
  Set("split-late=1000");
  EXPECT_EQ(Received().header_size, 255) << "as much as there is room for";
  Clear();
  EXPECT_EQ(ReceivedPayload(), all);
}

// The driver would take it for verified, or lose what is not where it should be.
TEST_F(Mlx5Faults, WhatIsWrongIsNotMerged) {
  std::uint32_t index = 0;
  for (const char* fault : {"checksum-unvouched=2", "split-late=10", "no-split"}) {
    Set(fault);
    device.Receive(Burst(2 * kPayload));
    EXPECT_EQ(Completed(queue.completed, index + 1).session, kFlush) << fault;
    index += 2;
    Clear();
  }
  EXPECT_EQ(Counter("rx_merged"), 0U);
  device.Receive(Burst(2 * kPayload));
  EXPECT_EQ(Counter("rx_merged"), 1U);
}

TEST_F(Mlx5Faults, SplitLostAfterReset) {
  Set("split-lost-after-reset");
  EXPECT_EQ(Received().header_size, kHeaders) << "this queue was there before";
  const SplitQueue made = Restart(other);
  SetFlow(rules, 0, 9999, MakeReceiver({made.ring.number}));
  device.Receive(TcpPacket(kPayload));
  EXPECT_EQ(Completed(made.completed, 0).header_size, 0);
  Clear();
  device.Receive(TcpPacket(kPayload));
  EXPECT_EQ(Completed(made.completed, 1).header_size, kHeaders);
}

TEST_F(Mlx5Faults, ShortBuffers) {
  Set("short-buffers");
  device.Receive(Burst(6 * kPayload));
  EXPECT_EQ(Completed(queue.completed, 3).session, kMatch | kFlush);
  EXPECT_EQ(Completed(queue.completed, 4).session, 0);
  EXPECT_EQ(guest.faults.Text(), "short-buffers 1");
  Clear();
  device.Receive(Burst(6 * kPayload));
  EXPECT_EQ(Completed(queue.completed, 9).session, kMatch);
}

TEST_F(Mlx5Faults, BufferReused) {
  Set("buffer-reused=2");
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload));
  EXPECT_EQ(ReceivedPayload(), Bytes(kPayload)) << "its own place was not written";
  EXPECT_EQ(Memory(queue.first + 4096, kPayload), Pattern(kPayload)) << "but the next page";
}

// Its strides never add up, so the driver never gets the request back.
TEST_F(Mlx5Faults, CompletionLost) {
  Set("completion-lost=2");
  for (int i = 0; i < 40; ++i) device.Receive(TcpPacket(kPayload));
  std::uint32_t strides = 0;
  std::uint32_t packets = 0;
  for (std::uint32_t i = 0; Completed(queue.completed, i).wqe == 0; ++i) {
    const std::uint32_t told = Completed(queue.completed, i).bytes_and_strides;
    strides += told >> 16U & 0x7fffU;
    packets += told >> 31U == 0 ? 1U : 0U;
  }
  EXPECT_GT(packets, 20U);
  EXPECT_LE(strides, 128U - packets / 2) << "one over the end of a page has two buffers";
}

TEST_F(Mlx5Faults, CompletionEarly) {
  Set("completion-early=2");
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload));
  EXPECT_EQ(ReceivedPayload(), Bytes(kPayload));
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload));
}

TEST_F(Mlx5Faults, PayloadShifted) {
  Set("payload-shifted=3");
  const Bytes all = Pattern(kPayload);
  EXPECT_EQ(ReceivedPayload(), Bytes(3) + Bytes(all.begin(), all.end() - 3));
}

TEST_F(Mlx5Faults, ChecksumUnvouched) {
  Set("checksum-unvouched=1");
  const Completion completion = Received();
  EXPECT_EQ(completion.checks, 0);
  EXPECT_EQ(completion.checksum, 0);
  Clear();
  EXPECT_EQ(Received().checks, 6);
}

TEST_F(Mlx5Faults, StrideTooMany) {
  Set("stride-too-many=2");
  EXPECT_EQ(Received().bytes_and_strides >> 16U, 4U);
  EXPECT_EQ(Received().bytes_and_strides >> 16U, 5U);
  const Completion after = Received();
  EXPECT_EQ(after.bytes_and_strides >> 16U, 4U);
  EXPECT_EQ(after.data_offset, 2048U) << "where it would have been";
}

// Of a request that its last packet fills, and of one that a filler closes.
TEST_F(Mlx5Faults, ClosedCompletion) {
  Set("closed-completion=1");
  for (int i = 0; i < 7; ++i) device.Receive(TcpPacket(4096));
  device.Receive(TcpPacket(4000));
  const Completion last = Completed(queue.completed, 7);
  EXPECT_EQ(last.data_offset, 7U * 4096);
  EXPECT_EQ(Completed(queue.completed, 8).data_offset, last.data_offset);
  for (int i = 0; i < 7; ++i) device.Receive(TcpPacket(4000));
  device.Receive(TcpPacket(4097));
  const Completion filler = Completed(queue.completed, 16);
  EXPECT_EQ(filler.bytes_and_strides >> 31U, 1U);
  EXPECT_EQ(Completed(queue.completed, 17).bytes_and_strides, filler.bytes_and_strides);
}

TEST_F(Mlx5Faults, HeaderSkipped) {
  Set("header-skipped=2");
  EXPECT_EQ(Received().header_entry, 0);
  EXPECT_EQ(Received().header_entry, 1);
  EXPECT_EQ(Received().header_entry, 3);
  EXPECT_EQ(Memory(queue.headers + 2 * 256, 1), Bytes(1));
}

TEST_F(Mlx5Faults, SessionUnflushed) {
  Set("session-unflushed");
  device.Receive(Burst(2 * kPayload));
  EXPECT_EQ(Completed(queue.completed, 1).session, kMatch);
  EXPECT_EQ(Received().session, 0) << "a session of its own all the same";
  Clear();
  EXPECT_EQ(Received().session, kFlush);
}

TEST_F(Mlx5Faults, RestartStopsNeighbour) {
  Set("restart-stops-neighbour");
  const SplitQueue third = MakeSplitQueue(MakeEventQueue(3), kLogHeaders);
  EXPECT_TRUE(WentTo(queue)) << "no restart";
  Restart(third);
  EXPECT_FALSE(WentTo(queue));
  Clear();
  EXPECT_TRUE(WentTo(queue));
}

TEST_F(Mlx5Faults, StartsOfQueuesAreCounted) {
  EXPECT_EQ(guest.starts.Text(), "nic_starts=1 queue_restarts=0 rx_queues_made=2");
  const SplitQueue restarted = Restart(other);
  EXPECT_EQ(guest.starts.Text(), "nic_starts=1 queue_restarts=1 rx_queues_made=3");
  // The rest of its channel could not be made.
  DestroyReceiveQueue(MakeSplitQueue(events, kLogHeaders).ring.number);
  EXPECT_EQ(guest.starts.Text(), "nic_starts=1 queue_restarts=1 rx_queues_made=4");
  // All are made before the first goes.
  const SplitQueue first = MakeSplitQueue(queue.events, kLogHeaders);
  const SplitQueue second = MakeSplitQueue(other.events, kLogHeaders);
  DestroyReceiveQueue(queue.ring.number);
  DestroyReceiveQueue(restarted.ring.number);
  EXPECT_EQ(guest.starts.Text(), "nic_starts=2 queue_restarts=1 rx_queues_made=6");
  DestroyReceiveQueue(second.ring.number);
  Restart(first);
  EXPECT_EQ(guest.starts.Text(), "nic_starts=3 queue_restarts=1 rx_queues_made=7") << "of one";
}

TEST_F(Mlx5Faults, DeviceReset) {
  Set("device-reset=2");
  Received();
  EXPECT_FALSE(HasFailed());
  Received();
  EXPECT_TRUE(HasFailed());
  device.Receive(TcpPacket(kPayload));
  EXPECT_EQ(Counter("rx_unsteered"), 1U) << "nothing is left of what it knew";
  WriteRegister(kCommandsLow, static_cast<std::uint32_t>(commands_));
  EXPECT_FALSE(HasFailed());
}

TEST_F(Mlx5Faults, CommandRefusedAtARestartOnly) {
  Set("command-refused=CREATE_RQ");
  const auto refused = [&](const Ring& of) {
    const Ring completed = MakeCompletionQueue(of.number);
    return Execute(Opcode::kCreateRq, ReceiveQueueRequest(completed, MakeRing())).Status() == 1;
  };
  EXPECT_TRUE(refused(other.events));
  EXPECT_FALSE(refused(queue.events)) << "all are made anew, the first one first";
  EXPECT_FALSE(refused(other.events));
  DestroyReceiveQueue(queue.ring.number);
  EXPECT_TRUE(refused(other.events));
  MakeCompletionQueue(other.events.number);
  EXPECT_TRUE(Execute(Opcode::kModifyRqt, Request(0x114)
                                              .Set(8, 0, 24, 1)
                                              .Set(0x14, 0, 1, 1)
                                              .Set(0x38, 0, 16, 1)
                                              .SetWord(0x110, other.ring.number))
                  .Ok());
  EXPECT_TRUE(Execute(Opcode::kCreateRq, ReceiveQueueRequest(other.completed, MakeRing())).Ok())
      << "packets are let in again";
}

}  // namespace
}  // namespace vnic::mlx5
