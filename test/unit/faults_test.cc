// Faults as such, and those that befall frames on their way to a port.
#include "ci/vnic/fault/faults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ci/vnic/fault/frame_faults.h"
#include "ci/vnic/net/checksum.h"
#include "test/unit/net_frames.h"

namespace vnic {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::array kCommands{NamedCommand{.number = 7, .name = "MAKE"},
                               NamedCommand{.number = 8, .name = "BREAK", .in_restart = true}};
constexpr FaultScope kScope{
    .commands = kCommands,
    .has = kFrameFaults | FaultSet{Fault::kNoSplit, Fault::kRuleWrongQueue, Fault::kCommandRefused,
                                   Fault::kCommandUnanswered}};

// Which of the first `count` occasions a fault bites at, from 1.
std::vector<int> Bites(Faults& faults, Fault fault, int count) {
  std::vector<int> bites;
  for (int i = 1; i <= count; ++i) {
    if (faults.Bites(fault)) bites.push_back(i);
  }
  return bites;
}

TEST(Faults, BiteInTheirTurn) {
  Faults faults(kScope);
  EXPECT_THAT(Bites(faults, Fault::kNoSplit, 3), IsEmpty()) << "none is set";
  ASSERT_TRUE(faults.Set("no-split"));
  EXPECT_THAT(Bites(faults, Fault::kNoSplit, 3), ElementsAre(1, 2, 3));
  ASSERT_TRUE(faults.Set("drop=2"));
  EXPECT_THAT(Bites(faults, Fault::kDrop, 5), ElementsAre(2, 4));
  ASSERT_TRUE(faults.Set("byte-flip=3"));
  EXPECT_THAT(Bites(faults, Fault::kByteFlip, 9), ElementsAre(3));
  faults.BeginConnection();
  EXPECT_THAT(Bites(faults, Fault::kByteFlip, 9), ElementsAre(3));
  ASSERT_TRUE(faults.Set("drop-burst=2"));
  EXPECT_THAT(Bites(faults, Fault::kDropBurst, 1000), ElementsAre(500, 1000));
  EXPECT_EQ(faults.Text(), "no-split 3; drop=2 2; byte-flip=3 2; drop-burst=2 2");
}

TEST(Faults, CountSeveralOccasionsAtOnce) {
  Faults faults(kScope);
  ASSERT_TRUE(faults.Set("link-flap=100"));
  EXPECT_FALSE(faults.Bites(Fault::kLinkFlap, 99));
  EXPECT_TRUE(faults.Bites(Fault::kLinkFlap, 40));
  EXPECT_FALSE(faults.Bites(Fault::kLinkFlap, 200));
}

TEST(Faults, BeginAnewWhereSetAgain) {
  Faults faults(kScope);
  ASSERT_TRUE(faults.Set("drop=2"));
  EXPECT_FALSE(faults.Bites(Fault::kDrop));
  ASSERT_TRUE(faults.Set("drop=3"));
  EXPECT_EQ(faults.Text(), "drop=3 0");
  EXPECT_EQ(faults.Number(Fault::kDrop), 3U);
}

TEST(Faults, OfCommandsAreSetForEach) {
  Faults faults(kScope);
  ASSERT_TRUE(faults.Set("command-refused=MAKE"));
  EXPECT_TRUE(faults.BitesCommand(Fault::kCommandRefused, 7, false));
  EXPECT_FALSE(faults.BitesCommand(Fault::kCommandRefused, 8, true));
  EXPECT_FALSE(faults.BitesCommand(Fault::kCommandUnanswered, 7, false));
  ASSERT_TRUE(faults.Set("command-refused=BREAK"));
  EXPECT_FALSE(faults.BitesCommand(Fault::kCommandRefused, 8, false));
  EXPECT_TRUE(faults.BitesCommand(Fault::kCommandRefused, 8, true));
  EXPECT_EQ(faults.Text(), "command-refused=MAKE 1; command-refused=BREAK 1");
}

TEST(Faults, LeaveOneCommandUnanswered) {
  Faults faults(kScope);
  ASSERT_TRUE(faults.Set("command-unanswered=BREAK"));
  EXPECT_FALSE(faults.BitesCommand(Fault::kCommandUnanswered, 8, false));
  EXPECT_TRUE(faults.BitesCommand(Fault::kCommandUnanswered, 8, true));
  EXPECT_FALSE(faults.BitesCommand(Fault::kCommandUnanswered, 8, true));
  EXPECT_EQ(faults.Text(), "command-unanswered=BREAK 1");
}

TEST(Faults, AreGoneWhenCleared) {
  Faults faults(kScope);
  ASSERT_TRUE(faults.Set("no-split"));
  Scar scar;
  EXPECT_FALSE(scar.In(faults));
  scar.Leave(faults);
  EXPECT_TRUE(scar.In(faults));
  faults.Clear();
  EXPECT_TRUE(faults.None());
  EXPECT_FALSE(faults.Bites(Fault::kNoSplit));
  EXPECT_EQ(faults.Text(), "");
  ASSERT_TRUE(faults.Set("no-split"));
  EXPECT_FALSE(scar.In(faults)) << "healed for good";
}

TEST(Faults, SayWhatIsWrong) {
  Faults faults(kScope);
  const auto error = [&](std::string_view text) {
    const auto set = faults.Set(text);
    return set ? "accepted" : set.error().Text();
  };
  EXPECT_THAT(error(""), HasSubstr("no fault ''"));
  EXPECT_THAT(error("dorp"), HasSubstr("no fault 'dorp'"));
  EXPECT_THAT(error("stats-frozen"), HasSubstr("this NIC has no fault stats-frozen"));
  EXPECT_THAT(error("no-split=1"), HasSubstr("takes no argument"));
  EXPECT_THAT(error("no-split="), HasSubstr("takes no argument"));
  for (const char* wrong : {"drop=", "drop=0", "drop=-1", "drop=1x", "drop=99999999999"}) {
    EXPECT_THAT(error(wrong), HasSubstr("is not a number from 1 to")) << wrong;
  }
  EXPECT_THAT(error("rule-wrong-queue=64"), HasSubstr("is not a number from 0 to 63"));
  EXPECT_THAT(error("command-refused"), HasSubstr("no command ''"));
  EXPECT_THAT(error("command-refused=MEND"), HasSubstr("no command 'MEND'"));
  EXPECT_TRUE(faults.None()) << "none of it was set";
}

constexpr std::size_t kHeaders = 14 + 20 + 20;
constexpr std::uint16_t kSegment = 100;

Packet Segments(std::size_t payload, std::uint8_t flags = kTcpAck) {
  Packet packet;
  packet.bytes = Ethernet(kEthertypeIpv4) + Ipv4(kProtocolTcp, Tcp(Pattern(payload), flags));
  if (payload > kSegment) packet.segment_size = kSegment;
  const Headers headers = Parse(packet.bytes);
  CompleteIpv4Checksum(packet.bytes, headers);
  CompleteTransportChecksum(packet.bytes, headers);
  return packet;
}

class FrameFaultsTest : public ::testing::Test {
 protected:
  // Payload bytes of each packet that arrives.
  std::vector<std::size_t> Sizes(Packet packet) {
    std::vector<std::size_t> sizes;
    for (const Packet& arrived : frames_.Pass(std::move(packet))) {
      sizes.push_back(arrived.bytes.size() - kHeaders);
    }
    return sizes;
  }

  Faults faults_{kScope};
  int flaps_ = 0;
  FrameFaults frames_{faults_, [this] { ++flaps_; }};
};

TEST_F(FrameFaultsTest, LeaveAPacketAloneUnlessSet) {
  const Packet burst = Segments(1000);
  const auto arrived = frames_.Pass(burst);
  ASSERT_THAT(arrived, SizeIs(1));
  EXPECT_EQ(arrived[0].bytes, burst.bytes);
  EXPECT_EQ(arrived[0].segment_size, kSegment);
}

TEST_F(FrameFaultsTest, DropOneFrameOfABurst) {
  ASSERT_TRUE(faults_.Set("drop=4"));
  EXPECT_THAT(Sizes(Segments(1000)), ElementsAre(300, 300, 200)) << "without the 4th and the 8th";
  EXPECT_THAT(Sizes(Segments(100)), ElementsAre(100));
  EXPECT_THAT(Sizes(Segments(100)), IsEmpty()) << "the 12th";
  faults_.Clear();
  EXPECT_THAT(Sizes(Segments(1000)), ElementsAre(1000));
}

TEST_F(FrameFaultsTest, DropSeveralInARow) {
  ASSERT_TRUE(faults_.Set("drop-burst=3"));
  EXPECT_THAT(Sizes(Segments(49000)), ElementsAre(49000));
  EXPECT_THAT(Sizes(Segments(1500)), ElementsAre(900, 300)) << "without 500 to 502";
  EXPECT_THAT(Sizes(Segments(49500)), ElementsAre(49400)) << "the 1000th, the last of its send";
  EXPECT_THAT(Sizes(Segments(50)), ElementsAre(50)) << "the next one goes";
}

TEST_F(FrameFaultsTest, FlipAByteUnderARightChecksum) {
  ASSERT_TRUE(faults_.Set("byte-flip=3"));
  const auto arrived = frames_.Pass(Segments(1000));
  ASSERT_THAT(arrived, SizeIs(3)) << "two segments, the one, seven";
  EXPECT_EQ(arrived[0].segment_size, kSegment);
  const Bytes& flipped = arrived[1].bytes;
  EXPECT_EQ(VerifyTransportChecksum(flipped, Parse(flipped)), ChecksumVerdict::kGood);
  Bytes payload(flipped.begin() + kHeaders, flipped.end());
  payload[50] ^= 1;
  const Bytes all = Pattern(1000);
  EXPECT_EQ(payload, Bytes(all.begin() + 200, all.begin() + 300));

  const Packet next = Segments(1000);
  EXPECT_EQ(frames_.Pass(next)[0].bytes, next.bytes) << "once in a connection";
  EXPECT_THAT(frames_.Pass(Segments(0, kTcpSyn)), SizeIs(1));
  EXPECT_THAT(frames_.Pass(Segments(1000)), SizeIs(3)) << "and in the next one again";
}

TEST_F(FrameFaultsTest, SendASegmentTwice) {
  ASSERT_TRUE(faults_.Set("segment-twice=2"));
  EXPECT_THAT(Sizes(Segments(250)), ElementsAre(100, 100, 100, 50));
  EXPECT_THAT(Sizes(Segments(0)), ElementsAre(0)) << "none of an acknowledgement";
}

TEST_F(FrameFaultsTest, SwapSegments) {
  ASSERT_TRUE(faults_.Set("segments-swapped=2"));
  EXPECT_THAT(Sizes(Segments(250)), ElementsAre(100, 50, 100));
  EXPECT_THAT(Sizes(Segments(30)), IsEmpty()) << "waits for the next";
  EXPECT_THAT(Sizes(Segments(20)), ElementsAre(20, 30));
}

TEST_F(FrameFaultsTest, FlapTheLinkOnceAConnection) {
  ASSERT_TRUE(faults_.Set("link-flap=15"));
  EXPECT_THAT(Sizes(Segments(1000)), ElementsAre(1000));
  EXPECT_EQ(flaps_, 0);
  EXPECT_THAT(Sizes(Segments(1000)), ElementsAre(1000));
  EXPECT_THAT(Sizes(Segments(1000)), ElementsAre(1000));
  EXPECT_EQ(flaps_, 1);
}

TEST_F(FrameFaultsTest, SurviveWhatIsNoFrame) {
  ASSERT_TRUE(faults_.Set("drop=1000"));
  ASSERT_TRUE(faults_.Set("byte-flip=1"));
  EXPECT_THAT(frames_.Pass({.bytes = {}}), SizeIs(1));
  EXPECT_THAT(frames_.Pass({.bytes = Bytes(60, 0xff), .segment_size = 1}), SizeIs(1));
  EXPECT_THAT(frames_.Pass(Segments(1000, kTcpSyn)), SizeIs(1)) << "cannot be cut";
}

}  // namespace
}  // namespace vnic
