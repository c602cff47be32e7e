// A packet for the wire: gathered, bounded, its checksums completed.
#include "ci/vnic/net/tx_packet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "ci/vnic/net/checksum.h"
#include "test/unit/net_frames.h"

namespace vnic {
namespace {

using ::testing::HasSubstr;

constexpr TxLimits kLimits{.largest_frame = 1518, .largest_burst = 100'000};

class TxPacketTest : public ::testing::Test {
 protected:
  static Bytes Frame4(std::size_t payload) {
    return Ethernet(kEthertypeIpv4) + Ipv4(kProtocolTcp, Tcp(Pattern(payload)));
  }
  // Why the packet is not sent; "" if it is.
  std::string Refusal() {
    const auto sent = packet_.Finish(budget_);
    return sent ? "" : sent.error().Text();
  }

  TxPacket packet_{kLimits};
  SendBudget budget_;
};

TEST_F(TxPacketTest, IsWhatItsBuffersHold) {
  const Bytes frame = Frame4(100);
  packet_.Add(vnic::Frame(frame).first(60), budget_);
  packet_.Add(vnic::Frame(frame).subspan(60), budget_);
  const auto sent = packet_.Finish(budget_);
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->packet.bytes, frame) << "no checksum was asked for";
  EXPECT_EQ(sent->frames, 1U);
  EXPECT_THAT(Refusal(), HasSubstr("frame of 0 bytes")) << "the next one is empty";
}

TEST_F(TxPacketTest, HasTheChecksumsThatAreAskedFor) {
  const Bytes frame = Frame4(100);
  packet_.Add(frame, budget_);
  packet_.CompleteIpChecksum();
  packet_.CompleteTransportChecksum();
  const auto sent = packet_.Finish(budget_);
  ASSERT_TRUE(sent);
  const Headers headers = Parse(sent->packet.bytes);
  EXPECT_EQ(VerifyIpv4Checksum(sent->packet.bytes, headers), ChecksumVerdict::kGood);
  EXPECT_EQ(VerifyTransportChecksum(sent->packet.bytes, headers), ChecksumVerdict::kGood);
}

TEST_F(TxPacketTest, MayBeABurst) {
  packet_.Add(Frame4(5000), budget_);
  packet_.Segment(1000);
  const auto sent = packet_.Finish(budget_);
  ASSERT_TRUE(sent) << "longer than a frame";
  EXPECT_EQ(sent->packet.segment_size, 1000);
  EXPECT_EQ(sent->frames, 5U);
}

TEST_F(TxPacketTest, IsRefusedWhereItExceedsALimit) {
  packet_.Add(Bytes(16), budget_);
  EXPECT_THAT(Refusal(), HasSubstr("frame of 16 bytes"));
  packet_.Add(Bytes(1519), budget_);
  EXPECT_THAT(Refusal(), HasSubstr("frame of 1519 bytes"));
  packet_.Add(Bytes(60'000), budget_);
  packet_.Add(Bytes(60'000), budget_);
  packet_.Add({}, budget_);
  EXPECT_THAT(Refusal(), HasSubstr("packet is too large")) << "the first reason counts";
  packet_.Add({}, budget_);
  packet_.Add(Frame4(100), budget_);
  EXPECT_THAT(Refusal(), HasSubstr("empty or not in memory"));
  packet_.Add(Frame4(100), budget_);
  packet_.Segment(0);
  EXPECT_THAT(Refusal(), HasSubstr("segment size of 0"));
  packet_.Refuse("for a reason");
  EXPECT_THAT(Refusal(), HasSubstr("for a reason"));
  packet_.Add(Frame4(100), budget_);
  EXPECT_EQ(Refusal(), "") << "the next one is whole";
}

TEST_F(TxPacketTest, IsRefusedBeyondTheBudgetOfADoorbell) {
  const Bytes burst = Frame4(60'000);
  std::string refusal;
  for (int i = 0; i < 3 && refusal.empty(); ++i) {
    packet_.Add(burst, budget_);
    packet_.Segment(1);
    refusal = Refusal();
  }
  EXPECT_THAT(refusal, HasSubstr("too many frames at once"));
  budget_ = {};
  while (budget_.TakeBytes(1 << 20)) {
  }
  packet_.Add(burst, budget_);
  EXPECT_THAT(Refusal(), HasSubstr("too many bytes at once"));
}

}  // namespace
}  // namespace vnic
