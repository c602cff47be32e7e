// Accounts of a packet trace, and the causes that Judge() finds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>

#include "fixtures/evidence/nic_report.h"
#include "fixtures/evidence/witnesses.h"

namespace zcrx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint32_t kQueue = 3;
constexpr uint32_t kHeader = 72;  // IPv6, TCP with timestamps

TracedPacket Packet(uint32_t queue, uint32_t length, uint32_t linear, uint32_t hash = 7) {
  return {.queue = queue, .hash = hash, .length = length, .linear = linear, .protocol = ETH_P_IPV6};
}

// SYN, ACK, `segments` of 1428 bytes with `linear` bytes beside the fragment, FIN.
TracedPackets Flow(uint32_t queue, int segments, uint32_t linear = kHeader) {
  TracedPackets traced;
  traced.packets = {Packet(queue, 80, 80), Packet(queue, kHeader, kHeader)};
  for (int i = 0; i < segments; ++i) traced.packets.push_back(Packet(queue, 1500, linear));
  traced.packets.push_back(Packet(queue, kHeader, kHeader));
  return traced;
}

TEST(Account, CountsPayloadAndNoHandshake) {
  const FlowPackets packets = Account(Flow(kQueue, 10), kQueue);
  EXPECT_EQ(packets.segments, 10);
  EXPECT_EQ(packets.payload, 14'280);
  EXPECT_EQ(packets.not_split, 0);
  EXPECT_EQ(packets.packets, 13);
  EXPECT_FALSE(packets.elsewhere.has_value());
}

TEST(Account, SeesPayloadLeftWithTheHeader) {
  TracedPackets traced = Flow(kQueue, 10, kHeader + 16);
  traced.packets.push_back(Packet(kQueue, 1500, 1500));                // not split at all
  traced.packets.push_back(Packet(kQueue, kHeader + 1, kHeader + 1));  // a single byte
  traced.packets.push_back(Packet(kQueue, 1500, 0));                   // all of it in a fragment
  const FlowPackets packets = Account(traced, kQueue);
  EXPECT_EQ(packets.segments, 13);
  EXPECT_EQ(packets.not_split, 13);
  EXPECT_EQ(packets.unsplit, 10 * 16 + 1428 + 1 + 1428);
}

// What an earlier test's peer still had to send is no sign that the flow went there.
TEST(Account, AConnectionThatBeganBeforeIsNotTheFlow) {
  TracedPackets traced = Flow(kQueue, 0);
  traced.packets.push_back(Packet(1, 1500, 1500, 8));
  FlowPackets packets = Account(traced, kQueue);
  EXPECT_FALSE(packets.elsewhere.has_value());
  EXPECT_EQ(packets.bare, 3);
  EXPECT_EQ(packets.payload_elsewhere, 1428);
  traced.lost = 1;  // its beginning may be
  EXPECT_TRUE(Account(traced, kQueue).elsewhere.has_value());
  traced.lost = 0;
  traced.packets.push_back(Packet(1, 80, 80, 8));
  EXPECT_TRUE(Account(traced, kQueue).elsewhere.has_value());
  traced.packets.erase(traced.packets.begin(), traced.packets.begin() + 3);  // none on the queue
  traced.packets.pop_back();
  EXPECT_TRUE(Account(traced, kQueue).elsewhere.has_value());
}

TEST(Account, AnAckThatReportsALossIsNoPayload) {
  TracedPackets traced = Flow(kQueue, 10);
  for (const uint32_t blocks : {1U, 2U, 3U}) {
    const uint32_t length = kHeader + 4 + 8 * blocks;
    traced.packets.push_back(Packet(kQueue, length, length));
  }
  EXPECT_EQ(Account(traced, kQueue).segments, 10);
  traced.packets.push_back(Packet(kQueue, kHeader + 12, kHeader));  // split, so it has payload
  traced.packets.push_back(Packet(kQueue, kHeader + 13, kHeader + 13));
  const FlowPackets packets = Account(traced, kQueue);
  EXPECT_EQ(packets.segments, 12);
  EXPECT_EQ(packets.not_split, 1);
}

// The DUT's SYN-ACK or FIN came twice, which the peer reports in its next segment.
TEST(Account, PayloadWithAReportOfADuplicateIsSplitBehindIt) {
  constexpr uint32_t kReport = 12;
  TracedPackets traced = Flow(kQueue, 10);
  traced.packets.push_back(Packet(kQueue, 1500, kHeader + kReport));
  const FlowPackets packets = Account(traced, kQueue);
  EXPECT_EQ(packets.segments, 11);
  EXPECT_EQ(packets.payload, 11 * 1428 - kReport);
  EXPECT_EQ(packets.not_split, 0);
  traced.packets.push_back(Packet(kQueue, 1500, kHeader + kReport + 8));  // two reports are none
  EXPECT_EQ(Account(traced, kQueue).not_split, 1);
}

TEST(Account, KnowsOfIpOptions) {
  constexpr uint32_t kOptions = 40;
  TracedPackets traced = Flow(kQueue, 10, kHeader + kOptions);
  traced.packets[0] = Packet(kQueue, 80 + kOptions, 80 + kOptions);
  for (const size_t ack : {size_t{1}, traced.packets.size() - 1}) {
    traced.packets[ack] = Packet(kQueue, kHeader + kOptions, kHeader + kOptions);
  }
  const FlowPackets packets = Account(traced, kQueue, kOptions);
  EXPECT_EQ(packets.segments, 10);
  EXPECT_EQ(packets.payload, 10 * (1428 - kOptions));
  EXPECT_EQ(packets.not_split, 0);
  EXPECT_NE(Account(traced, kQueue).not_split, 0) << "the control";
}

TEST(Account, FindsTheHeaderWithoutTimestampsAndOfIpv4) {
  TracedPackets traced;
  for (const auto& [length, linear] : {std::pair{52U, 52U}, {40U, 40U}, {1500U, 40U}}) {
    traced.packets.push_back(
        {.queue = kQueue, .hash = 1, .length = length, .linear = linear, .protocol = ETH_P_IP});
  }
  FlowPackets packets = Account(traced, kQueue);
  EXPECT_EQ(packets.segments, 1);
  EXPECT_EQ(packets.payload, 1460);
  EXPECT_EQ(packets.not_split, 0);
  traced.packets.erase(traced.packets.begin(), traced.packets.begin() + 2);
  packets = Account(traced, kQueue);
  EXPECT_EQ(packets.payload, 1460) << "the header shows in a segment, where the handshake is lost";
  EXPECT_EQ(packets.not_split, 0);
}

TEST(Account, PassesOverWhatIsNoIpAndTellsTheLargestFlowElsewhere) {
  TracedPackets traced = Flow(0, 5);
  for (uint32_t i = 0; i < 9; ++i) traced.packets.push_back(Packet(1, 500, 500, 8 + i % 3));
  traced.packets.push_back(
      {.queue = kQueue, .length = 5000, .linear = 5000, .protocol = ETH_P_ARP});
  const FlowPackets packets = Account(traced, kQueue);
  EXPECT_EQ(packets.segments, 0);
  ASSERT_TRUE(packets.elsewhere.has_value());
  EXPECT_EQ(*packets.elsewhere,
            (FlowPackets::Elsewhere{.queue = 0, .segments = 5, .payload = 7140}));
  EXPECT_EQ(packets.payload_elsewhere, 7140 + 9 * 428);
}

TEST(Account, AResetWithoutTimestampsSaysNothingOfTheFlow) {
  TracedPackets traced = Flow(kQueue, 5);
  traced.packets.push_back(Packet(kQueue, 60, 60));
  const FlowPackets packets = Account(traced, kQueue);
  EXPECT_EQ(packets.segments, 5);
  EXPECT_EQ(packets.not_split, 0);
}

TEST(Account, PassesOverWhatTheNicKnowsToBeNoTcp) {
  TracedPackets traced = Flow(kQueue, 5);
  for (TracedPacket& packet : traced.packets) packet.with_ports = true;
  traced.packets.insert(traced.packets.begin(), Packet(kQueue, 76, 76));  // a multicast report
  const FlowPackets packets = Account(traced, kQueue);
  EXPECT_EQ(packets.segments, 5);
  EXPECT_EQ(packets.not_split, 0);
}

TEST(Account, AQueueWithoutHashesCountsBesideOthersThatHaveThem) {
  TracedPackets traced = Flow(0, 5);
  for (TracedPacket& packet : traced.packets) packet.with_ports = true;
  const TracedPackets target = Flow(kQueue, 7);
  traced.packets.insert(traced.packets.end(), target.packets.begin(), target.packets.end());
  const FlowPackets packets = Account(traced, kQueue);
  EXPECT_EQ(packets.segments, 7);
  EXPECT_EQ(packets.elsewhere->segments, 5);
}

// Of a transfer that failed, where nothing is wrong with the NIC.
Evidence Healthy() {
  Evidence evidence = {.flow = {.to = "[2001:db8::1]:5201", .queue = kQueue, .rule = 12}};
  evidence.rings = Rings{.tcp_data_split = TcpDataSplit::kEnabled};
  evidence.packets = Account(Flow(kQueue, 10), kQueue);
  evidence.received = Received{.bytes = 14'280, .completions = 10, .longest = 1428};
  evidence.received.stats = uapi::zcrx_stats{};
  return evidence;
}

std::vector<std::string> Diagnose(const Evidence& evidence) { return Judge(evidence).causes; }

TEST(Diagnose, HasNothingToSayOfWhatIsWell) {
  EXPECT_THAT(Diagnose(Healthy()), IsEmpty());
  EXPECT_THAT(Diagnose(Evidence{}), IsEmpty()) << "nor of what could not be asked";
}

TEST(Diagnose, NoQueueIsWrongForAFlowThatWasNotSteered) {
  Evidence evidence = Healthy();
  evidence.flow = {.to = "", .queue = kQueue};
  evidence.packets = Account(Flow(0, 10), kQueue);
  EXPECT_THAT(Diagnose(evidence), IsEmpty());
}

TEST(Diagnose, WhatCameByAnotherWay) {
  Evidence evidence = Healthy();
  evidence.packets = FlowPackets{.packets = 2};
  EXPECT_THAT(Diagnose(evidence),
              ElementsAre("none of the 14280 bytes received is in the NIC's packet trace"));
  evidence.rule_listed = false;
  EXPECT_THAT(Diagnose(evidence), ElementsAre(HasSubstr("packet trace"), HasSubstr("rule 12")))
      << "a rule explains nothing where the flow did not come by the NIC";
  evidence.rule_listed = true;
  evidence.packets->lost = 1;
  EXPECT_THAT(Diagnose(evidence), IsEmpty());
}

TEST(Diagnose, ChecksumsThatTheNicDoesNotVouchFor) {
  Evidence evidence = Healthy();
  evidence.unvouched = 3;
  EXPECT_THAT(Diagnose(evidence),
              ElementsAre("the kernel dropped 3 segments for their TCP checksum, which the NIC did "
                          "not vouch for"));
}

TEST(Diagnose, ARuleThatTheNicIgnores) {
  Evidence evidence = Healthy();
  evidence.packets = Account(Flow(0, 10), kQueue);
  EXPECT_THAT(
      Diagnose(evidence),
      ElementsAre("the flow to [2001:db8::1]:5201 arrived on queue 0, rule 12 says queue 3"));
  evidence.flow.context = 2;
  EXPECT_THAT(Diagnose(evidence),
              ElementsAre("the flow to [2001:db8::1]:5201 arrived on queue 0, rule 12 says RSS "
                          "context 2, which is queue 3"));
}

TEST(Diagnose, ARuleThatTheNicIgnoresWithoutATrace) {
  Evidence evidence = Healthy();
  evidence.packets = Fail("no tracefs", ENOENT);
  evidence.queues =
      Since({{.queue = 0, .packets = 5, .bytes = 500}, {.queue = kQueue, .packets = 0}},
            {{.queue = 0, .packets = 50, .bytes = 5000}, {.queue = kQueue, .packets = 2}});
  EXPECT_THAT(
      Diagnose(evidence),
      ElementsAre("the flow to [2001:db8::1]:5201 arrived on queue 0, rule 12 says queue 3"));
}

TEST(Diagnose, ARuleThatTheNicForgot) {
  Evidence evidence = Healthy();
  evidence.rule_listed = false;
  EXPECT_THAT(Diagnose(evidence),
              ElementsAre("rule 12 was accepted, but is not in the NIC's list"));
}

TEST(Diagnose, CountersThatStandStill) {
  Evidence evidence = Healthy();
  const std::vector<RxQueueStats> before = {{.queue = kQueue, .packets = 5, .bytes = 500}};
  evidence.queues = Since(before, before);
  EXPECT_THAT(Diagnose(evidence),
              ElementsAre("the counters of queue 3 did not move, but 10 segments arrived on it"));
  EXPECT_TRUE(StatsMayLag(evidence));
  evidence.restarted = true;  // they may begin anew
  EXPECT_THAT(Diagnose(evidence), IsEmpty());
  EXPECT_FALSE(StatsMayLag(evidence));
  EXPECT_THAT(Tell(evidence), HasSubstr("queue 3: 0 packets, 0 bytes; its ring has closed"));
  evidence.restarted = false;
  evidence.queues = Since(before, {{.queue = kQueue, .packets = 15, .bytes = 500}});
  EXPECT_THAT(Diagnose(evidence), IsEmpty());
}

TEST(Diagnose, HeaderSplitThatIsLost) {
  Evidence evidence = Healthy();
  evidence.rings->tcp_data_split = TcpDataSplit::kDisabled;
  EXPECT_THAT(Diagnose(evidence), ElementsAre("header split was on, and is off now"));
}

TEST(Diagnose, HeaderSplitThatIsNotDone) {
  Evidence evidence = Healthy();
  evidence.packets = Account(Flow(kQueue, 10, kHeader + 16), kQueue);
  EXPECT_THAT(Diagnose(evidence),
              ElementsAre("linear bytes in 10 of 10 segments: header split is on but not done "
                          "(160 of 14280 bytes of payload)"));
}

TEST(Diagnose, CopiesOfTheKernel) {
  Evidence evidence = Healthy();
  evidence.received.stats = uapi::zcrx_stats{.copy_count = 2, .copy_bytes = 2000};
  EXPECT_THAT(Diagnose(evidence), ElementsAre("the kernel copied 2000 bytes in 2 fragments"));
}

TEST(Diagnose, LargeChunksThatAreNotFilled) {
  Evidence evidence = Healthy();
  evidence.rx_buf_len = 8192;
  evidence.received.longest = 4096;
  EXPECT_THAT(Diagnose(evidence), ElementsAre("rx_buf_len 8192 granted, longest completion 4096"));
  evidence.received.longest = 8192;
  EXPECT_THAT(Diagnose(evidence), IsEmpty());
}

TEST(Diagnose, ADriverThatRanOutOfBuffers) {
  Evidence evidence = Healthy();
  evidence.queues =
      Since({{.queue = kQueue, .alloc_fail = 1}}, {{.queue = kQueue, .alloc_fail = 4}});
  EXPECT_THAT(
      Diagnose(evidence),
      ElementsAre("the driver failed to allocate 3 times on queue 3: no buffer, or packets it "
                  "cannot take because they are not split"));
}

TEST(Diagnose, WhereAStreamThatStoppedGotStuck) {
  Evidence evidence = Healthy();
  evidence.timed_out = true;
  evidence.received.bytes = 4280;
  EXPECT_THAT(Diagnose(evidence),
              ElementsAre("the driver passed up 14280 bytes of payload on queue 3, but the "
                          "application received 4280"));
  evidence.received.bytes = 0;
  evidence.packets = FlowPackets{};
  EXPECT_THAT(Diagnose(evidence), ElementsAre("the driver passed up no packet at all"));
  evidence.packets = FlowPackets{.packets = 3};
  EXPECT_THAT(Diagnose(evidence), ElementsAre("the driver passed up no payload on queue 3"));
}

}  // namespace
}  // namespace zcrx
