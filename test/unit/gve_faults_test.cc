// The gVNIC model under each fault that concerns it: it bites, and clearing ends it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "test/unit/gve_queues.h"

namespace vnic::gve {
namespace {

constexpr std::size_t kPayload = 1000;

class GveFaults : public GveQueues {
 protected:
  void SetUp() override { MakeRxQueue(kHeaderBufferSize, false); }
  void Set(std::string_view fault) { ASSERT_TRUE(guest_.faults.Set(fault)); }
  void Clear() { guest_.faults.Clear(); }

  // Receives a segment to port 9999; the queue, of the first three, that it was for.
  int QueueOfASegment() {
    std::array<std::uint64_t, 3> before{};
    for (std::size_t i = 0; i < before.size(); ++i) before[i] = Arrived(i);
    nic_.Receive({.bytes = TcpFrame(Pattern(kPayload))});
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (Arrived(i) != before[i]) return static_cast<int>(i);
    }
    return -1;
  }
  // Payload of a segment received now, as the driver finds it.
  Bytes ReceivedPayload() {
    const std::uint32_t place = received_++;
    nic_.Receive({.bytes = TcpFrame(Pattern(kPayload))});
    return GetBytes(buffers_ + place * kBufferSize, LengthOf(RxAt(place)));
  }
  // Bytes that the completion of a segment received now says to be in the header buffer.
  std::size_t ReceivedHeader() {
    nic_.Receive({.bytes = TcpFrame(Pattern(kPayload))});
    return RxAt(received_++).header_length & 0x3ffU;
  }
  std::uint32_t received_ = 0;

 private:
  [[nodiscard]] std::uint64_t Arrived(std::size_t queue) const {
    return Counter(fmt::format("rx_packets{}", queue)) +
           Counter(fmt::format("rx_no_buffers{}", queue));
  }
};

TEST_F(GveFaults, RuleIgnored) {
  MakeEmptyQueue(1);
  ASSERT_EQ(ChangeFlowRule(RuleToPort(9999, 2, 0)), AdminStatus::kPassed);
  MakeEmptyQueue(2);
  Set("rule-ignored");
  EXPECT_NE(QueueOfASegment(), 2);
  Clear();
  EXPECT_EQ(QueueOfASegment(), 2);
}

TEST_F(GveFaults, RuleWrongQueue) {
  MakeEmptyQueue(1);
  MakeEmptyQueue(2);
  ASSERT_EQ(ChangeFlowRule(RuleToPort(9999, 2, 0)), AdminStatus::kPassed);
  Set("rule-wrong-queue=1");
  EXPECT_EQ(QueueOfASegment(), 1);
  Set("rule-wrong-queue=2");
  EXPECT_EQ(QueueOfASegment(), 2);
  EXPECT_EQ(guest_.faults.Text(), "rule-wrong-queue=2 0") << "it is the right one";
  Clear();
  EXPECT_EQ(QueueOfASegment(), 2);
}

TEST_F(GveFaults, RuleTooWide) {
  MakeEmptyQueue(1);
  ASSERT_EQ(ChangeFlowRule(RuleToPort(1, 2, 0)), AdminStatus::kPassed);
  MakeEmptyQueue(2);
  EXPECT_NE(QueueOfASegment(), 2) << "of another port";
  Set("rule-too-wide");
  EXPECT_EQ(QueueOfASegment(), 2);
  Clear();
  EXPECT_NE(QueueOfASegment(), 2);
}

TEST_F(GveFaults, RuleDeleteIgnored) {
  MakeEmptyQueue(1);
  MakeEmptyQueue(2);
  ASSERT_EQ(ChangeFlowRule(RuleToPort(9999, 2, 0)), AdminStatus::kPassed);
  Set("rule-delete-ignored");
  ConfigureFlowRule gone = RuleToPort(9999, 2, 0);
  gone.opcode = static_cast<std::uint16_t>(FlowRuleChange::kDelete);
  ASSERT_EQ(ChangeFlowRule(gone), AdminStatus::kPassed);
  EXPECT_EQ(QueueOfASegment(), 2);
  ASSERT_EQ(ChangeFlowRule(RuleToPort(9999, 1, 0)), AdminStatus::kPassed) << "its place is free";
  EXPECT_EQ(QueueOfASegment(), 1) << "rules that there are go first";
  ASSERT_EQ(ChangeFlowRule(gone), AdminStatus::kPassed);
  Clear();
  const int by_rss = QueueOfASegment();
  Set("rule-delete-ignored");
  EXPECT_EQ(QueueOfASegment(), by_rss) << "cleared for good";
}

TEST_F(GveFaults, RssTableIgnored) {
  MakeEmptyQueue(1);
  MakeEmptyQueue(2);
  const int spread = QueueOfASegment();
  const auto other = static_cast<std::uint32_t>((spread + 1) % 3);
  for (std::uint32_t i = 0; i < kRssTableSize; ++i) guest_.Put(scratch_ + i * 4, Be32(other));
  ASSERT_EQ(Issue(Opcode::kConfigureRss, ConfigureRss{.hash_types = kHashTcpv4,
                                                      .key_size = 0,
                                                      .table_size = kRssTableSize,
                                                      .key = 0,
                                                      .table = scratch_}),
            AdminStatus::kPassed);
  EXPECT_EQ(QueueOfASegment(), static_cast<int>(other));
  Set("rss-table-ignored");
  EXPECT_NE(QueueOfASegment(), -1);
  EXPECT_EQ(guest_.faults.Text(), "rss-table-ignored 1");
  Clear();
  EXPECT_EQ(QueueOfASegment(), static_cast<int>(other));
}

TEST_F(GveFaults, NoSplit) {
  Set("no-split");
  nic_.Receive({.bytes = TcpFrame(Pattern(kPayload))});
  EXPECT_EQ(RxAt(0).header_length, 0);
  EXPECT_EQ(LengthOf(RxAt(0)), kEthernetIpv4Tcp + kPayload);
  ++received_;
  Clear();
  EXPECT_EQ(ReceivedHeader(), kEthernetIpv4Tcp);
}

TEST_F(GveFaults, SplitSometimes) {
  Set("split-sometimes=2");
  EXPECT_EQ(ReceivedHeader(), kEthernetIpv4Tcp);
  EXPECT_EQ(ReceivedHeader(), 0U);
  EXPECT_EQ(ReceivedHeader(), kEthernetIpv4Tcp);
}

TEST_F(GveFaults, SplitLate) {
  Set("split-late=10");
  const Bytes all = Pattern(kPayload);
  EXPECT_EQ(ReceivedPayload(), Bytes(all.begin() + 10, all.end()));
  EXPECT_EQ(RxAt(0).header_length & 0x3ff, kEthernetIpv4Tcp + 10);
  Set("split-late=1000");
  EXPECT_EQ(ReceivedHeader(), kHeaderBufferSize) << "as much as there is room for";
  Clear();
  EXPECT_EQ(ReceivedHeader(), kEthernetIpv4Tcp);
}

TEST_F(GveFaults, SplitLostAfterReset) {
  Set("split-lost-after-reset");
  EXPECT_EQ(ReceivedHeader(), kEthernetIpv4Tcp) << "this queue was there before";
  ASSERT_EQ(Restart(0), AdminStatus::kPassed);
  Doorbell(kRxDoorbells, 64);
  received_ = 0;
  EXPECT_EQ(ReceivedHeader(), 0U);
  Clear();
  EXPECT_EQ(ReceivedHeader(), kEthernetIpv4Tcp);
}

TEST_F(GveFaults, HeaderInPayload) {
  Set("header-in-payload");
  const Bytes frame = TcpFrame(Pattern(kPayload));
  EXPECT_EQ(ReceivedPayload(),
            Pattern(kPayload) + Bytes(frame.begin(), frame.begin() + kEthernetIpv4Tcp));
  EXPECT_EQ(RxAt(0).header_length & 0x3ff, kEthernetIpv4Tcp);
  Clear();
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload));
}

TEST_F(GveFaults, BufferReused) {
  Set("buffer-reused=2");
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload));
  EXPECT_EQ(ReceivedPayload(), Bytes(kPayload)) << "its own buffer was not written";
  EXPECT_EQ(GetBytes(buffers_ + 2 * kBufferSize, kPayload), Pattern(kPayload)) << "but the next";
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload)) << "which this packet gets";
}

TEST_F(GveFaults, CompletionLost) {
  Set("completion-lost=2");
  for (int i = 0; i < 3; ++i) nic_.Receive({.bytes = TcpFrame(Pattern(kPayload))});
  EXPECT_EQ(RxAt(0).buffer_id, 1000);
  EXPECT_EQ(RxAt(1).buffer_id, 1001);
  EXPECT_EQ(RxAt(2).buffer_id, 1003) << "1002 is lost";
}

TEST_F(GveFaults, CompletionEarly) {
  Set("completion-early=2");
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload));
  EXPECT_EQ(ReceivedPayload(), Bytes(kPayload));
  EXPECT_EQ(ReceivedPayload(), Pattern(kPayload));
}

TEST_F(GveFaults, PayloadShifted) {
  Set("payload-shifted=3");
  const Bytes all = Pattern(kPayload);
  EXPECT_EQ(ReceivedPayload(), Bytes(3) + Bytes(all.begin(), all.end() - 3));
  Clear();
  EXPECT_EQ(ReceivedPayload(), all);
}

TEST_F(GveFaults, ChecksumUnvouched) {
  Set("checksum-unvouched=1");
  nic_.Receive({.bytes = TcpFrame(Pattern(kPayload))});
  EXPECT_EQ(RxAt(0).status & kRxHeadersProcessed, 0);
  Clear();
  nic_.Receive({.bytes = TcpFrame(Pattern(kPayload))});
  EXPECT_NE(RxAt(1).status & kRxHeadersProcessed, 0);
}

TEST_F(GveFaults, RestartStopsNeighbour) {
  MakeEmptyQueue(1);
  Set("restart-stops-neighbour");
  ASSERT_EQ(ChangeFlowRule(RuleToPort(9999, 0, 0)), AdminStatus::kPassed);
  EXPECT_EQ(QueueOfASegment(), 0);
  Restart(1);
  EXPECT_EQ(QueueOfASegment(), -1);
  Clear();
  EXPECT_EQ(QueueOfASegment(), 0);
}

TEST_F(GveFaults, StartsOfQueuesAreCounted) {
  MakeEmptyQueue(1);
  MakeEmptyQueue(2);
  EXPECT_EQ(guest_.starts.Text(), "nic_starts=1 queue_restarts=0 rx_queues_made=3");
  EXPECT_EQ(Restart(2), AdminStatus::kPassed);
  EXPECT_EQ(guest_.starts.Text(), "nic_starts=1 queue_restarts=1 rx_queues_made=4");
  for (std::uint32_t id = 0; id < 3; ++id) {
    EXPECT_EQ(Issue(Opcode::kDestroyRxQueue, DestroyQueue{.queue_id = id}), AdminStatus::kPassed);
  }
  MakeEmptyQueue(2);
  EXPECT_EQ(guest_.starts.Text(), "nic_starts=2 queue_restarts=1 rx_queues_made=5");
}

TEST_F(GveFaults, DeviceReset) {
  Set("device-reset=2");
  nic_.Receive({.bytes = TcpFrame(Pattern(kPayload))});
  EXPECT_EQ(ReadRegister(kDeviceStatus) & kDeviceWantsReset, 0U);
  guest_.interrupts.raised.clear();
  nic_.Receive({.bytes = TcpFrame(Pattern(kPayload))});
  EXPECT_NE(ReadRegister(kDeviceStatus) & kDeviceWantsReset, 0U);
  EXPECT_THAT(guest_.interrupts.raised, ::testing::Contains(kNotifyBlocks)) << "management";
  WriteRegister(kDriverStatus, kDriverReset);
  EXPECT_EQ(ReadRegister(kDeviceStatus) & kDeviceWantsReset, 0U);
}

TEST_F(GveFaults, CommandRefused) {
  Set("command-refused=CREATE_RX_QUEUE");
  EXPECT_EQ(Issue(Opcode::kCreateRxQueue, RxQueueRequest(1)), AdminStatus::kInternalError);
  EXPECT_EQ(Issue(Opcode::kCreateTxQueue, TxQueueRequest(1)), AdminStatus::kPassed);
  Set("command-refused=CONFIGURE_FLOW_RULE");
  EXPECT_EQ(ChangeFlowRule(RuleToPort(1, 0, 0)), AdminStatus::kInternalError);
  Clear();
  EXPECT_EQ(Issue(Opcode::kCreateRxQueue, RxQueueRequest(1)), AdminStatus::kPassed);
}

TEST_F(GveFaults, CommandRefusedAtARestartOnly) {
  Set("command-refused=DESTROY_RX_QUEUE");
  MakeEmptyQueue(1);
  AdminCommand command;
  command.opcode = static_cast<std::uint32_t>(Opcode::kDestroyRxQueue);
  for (std::uint32_t id = 0; id < 2; ++id) {
    StoreAt(command.arguments, 0, DestroyQueue{.queue_id = id});
    guest_.Put(admin_ + (issued_ + id) * sizeof command, command);
  }
  issued_ += 2;
  WriteRegister(kAdminDoorbell, issued_);
  EXPECT_EQ(Issue(Opcode::kCreateRxQueue, RxQueueRequest(1)), AdminStatus::kPassed)
      << "the batch was obeyed";
  EXPECT_EQ(Issue(Opcode::kDestroyRxQueue, DestroyQueue{.queue_id = 1}),
            AdminStatus::kInternalError);
}

TEST_F(GveFaults, RssUnsupported) {
  Set("rss-unsupported");
  EXPECT_EQ(Issue(Opcode::kConfigureRss, ConfigureRss{}), AdminStatus::kUnimplemented);
  Clear();
  EXPECT_NE(Issue(Opcode::kConfigureRss, ConfigureRss{}), AdminStatus::kUnimplemented);
}

TEST_F(GveFaults, CommandUnanswered) {
  Set("command-unanswered=CREATE_RX_QUEUE");
  const std::uint32_t before = ReadRegister(kAdminEventCounter);
  Post(Opcode::kCreateRxQueue, RxQueueRequest(1));
  EXPECT_EQ(ReadRegister(kAdminEventCounter), before);
  Post(Opcode::kCreateTxQueue, TxQueueRequest(1));
  EXPECT_EQ(ReadRegister(kAdminEventCounter), before + 1) << "one behind the driver's count";
  Clear();
  WriteRegister(kDriverStatus, kDriverReset);
  StartAdminQueue();
  EXPECT_EQ(ConfigureResources(), AdminStatus::kPassed) << "whole after the driver's reset";
}

}  // namespace
}  // namespace vnic::gve
