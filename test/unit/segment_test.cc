#include "ci/vnic/net/segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <vector>

#include "ci/vnic/base/endian.h"
#include "ci/vnic/net/checksum.h"
#include "ci/vnic/net/headers.h"
#include "fixtures/result_matchers.h"
#include "test/unit/net_frames.h"

namespace vnic {
namespace {

using zcrx::FailsWith;

constexpr std::size_t kSegment = 1448;
constexpr std::uint8_t kFlags = kTcpAck | kTcpPsh | kTcpFin | kTcpCwr;
constexpr std::uint32_t kSequence = 0xfffffff0;  // of net_frames.h: wraps within the first frame
constexpr std::uint16_t kIdentification = 0x1234;

Packet Burst(Network network, std::size_t payload, std::uint8_t flags = kFlags,
             std::size_t segment_size = kSegment) {
  const Bytes tcp = Tcp(Pattern(payload), flags, Bytes(12, 1));
  return {.bytes = network == Network::kIpv4 ? Ethernet(kEthertypeIpv4) + Ipv4(6, tcp)
                                             : Ethernet(kEthertypeIpv6) + Ipv6(6, tcp),
          .segment_size = static_cast<std::uint16_t>(segment_size)};
}

std::vector<Packet> Cut(Packet burst, std::size_t segments_each = 1) {
  auto packets = CutBurst(std::move(burst), segments_each);
  EXPECT_TRUE(packets.has_value()) << packets.error().Text();
  return packets.value_or(std::vector<Packet>{});
}

// What a receiver may ask of each packet, and that nothing of the payload is lost or moved.
void ExpectWhole(const std::vector<Packet>& packets, std::size_t payload) {
  Bytes seen;
  for (const Packet& packet : packets) {
    const Headers headers = Parse(packet.bytes);
    ASSERT_EQ(headers.transport, Transport::kTcp);
    EXPECT_EQ(headers.payload_end, packet.bytes.size()) << "IP length";
    EXPECT_EQ(LoadAt<Be32>(packet.bytes, headers.transport_offset + 4),
              static_cast<std::uint32_t>(kSequence + seen.size()));
    EXPECT_EQ(VerifyTransportChecksum(packet.bytes, headers), ChecksumVerdict::kGood);
    if (headers.network == Network::kIpv4) {
      EXPECT_EQ(VerifyIpv4Checksum(packet.bytes, headers), ChecksumVerdict::kGood);
      EXPECT_EQ(LoadAt<Be16>(packet.bytes, 18),
                static_cast<std::uint16_t>(kIdentification + seen.size() / kSegment));
    }
    std::uint8_t flags = kFlags;
    if (&packet != &packets.front()) flags &= static_cast<std::uint8_t>(~kTcpCwr);
    if (&packet != &packets.back()) flags &= static_cast<std::uint8_t>(~(kTcpFin | kTcpPsh));
    EXPECT_EQ(headers.tcp_flags, flags);
    seen = seen + Bytes(packet.bytes.begin() + static_cast<std::ptrdiff_t>(headers.payload_offset),
                        packet.bytes.end());
  }
  EXPECT_EQ(seen, Pattern(payload));
}

class CutBurstOver : public testing::TestWithParam<Network> {};

TEST_P(CutBurstOver, MakesFrames) {
  const auto frames = Cut(Burst(GetParam(), 3 * kSegment + 100));
  ASSERT_EQ(frames.size(), 4U);
  const std::size_t headers = GetParam() == Network::kIpv4 ? 66 : 86;
  EXPECT_EQ(frames[0].bytes.size(), headers + kSegment);
  EXPECT_EQ(frames[3].bytes.size(), headers + 100);
  for (const Packet& frame : frames) EXPECT_FALSE(frame.IsBurst());
  ExpectWhole(frames, 3 * kSegment + 100);
}

TEST_P(CutBurstOver, EndsOnASegmentWithoutAnEmptyFrame) {
  const auto frames = Cut(Burst(GetParam(), 2 * kSegment));
  ASSERT_EQ(frames.size(), 2U);
  ExpectWhole(frames, 2 * kSegment);
}

TEST_P(CutBurstOver, MakesSmallerBursts) {
  const auto bursts = Cut(Burst(GetParam(), 7 * kSegment + 1), 3);
  ASSERT_EQ(bursts.size(), 3U);
  for (const Packet& burst : bursts) EXPECT_EQ(burst.segment_size, kSegment);
  ExpectWhole(bursts, 7 * kSegment + 1);
}

TEST_P(CutBurstOver, OneSegmentLeftOverIsAFrame) {
  const auto packets = Cut(Burst(GetParam(), 3 * kSegment + 1), 3);
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0].segment_size, kSegment);
  EXPECT_FALSE(packets[1].IsBurst());
}

TEST_P(CutBurstOver, LeavesWholeWhatTheReceiverTakesWhole) {
  const auto whole = Cut(Burst(GetParam(), 20 * kSegment), 1000);
  ASSERT_EQ(whole.size(), 1U);
  EXPECT_EQ(whole[0].segment_size, kSegment);
  ExpectWhole(whole, 20 * kSegment);
}

TEST_P(CutBurstOver, ShortPayloadIsOneFrame) {
  const auto frames = Cut(Burst(GetParam(), 10));
  ASSERT_EQ(frames.size(), 1U);
  EXPECT_FALSE(frames[0].IsBurst());
  ExpectWhole(frames, 10);
}

TEST_P(CutBurstOver, NoPacketExceedsADatagram) {
  Packet burst = Burst(GetParam(), 100 * kSegment);  // 144800 bytes: its IP length cannot say so
  burst.bytes[GetParam() == Network::kIpv4 ? 16 : 18] = 0;
  burst.bytes[GetParam() == Network::kIpv4 ? 17 : 19] = 0;
  const auto bursts = Cut(std::move(burst), 1000);
  ASSERT_EQ(bursts.size(), 3U);  // 45 segments are the most
  ExpectWhole(bursts, 100 * kSegment);
}

TEST_P(CutBurstOver, LeavesAPacketThatIsNoBurst) {
  Packet frame = Burst(GetParam(), 4 * kSegment);
  frame.segment_size = 0;
  const auto same = Cut(frame);
  ASSERT_EQ(same.size(), 1U);
  EXPECT_EQ(same[0].bytes, frame.bytes);
}

TEST_P(CutBurstOver, RefusesWhatIsNoStream) {
  EXPECT_THAT(CutBurst(Burst(GetParam(), 0)), FailsWith(EINVAL));
  EXPECT_THAT(CutBurst(Burst(GetParam(), 5000, kTcpSyn)), FailsWith(EINVAL));
  EXPECT_THAT(CutBurst(Burst(GetParam(), 5000, kTcpRst | kTcpAck)), FailsWith(EINVAL));
  EXPECT_THAT(CutBurst(Burst(GetParam(), 70000, kTcpAck, 65535)), FailsWith(EINVAL));
}

TEST_P(CutBurstOver, OrOffSomeFrames) {
  const Packet burst = Burst(GetParam(), 4 * kSegment + 1);
  EXPECT_EQ(FramesOf(burst), 5U);
  auto [frame, others] = CutOff(burst, 1);
  auto [middle, last] = CutOff(std::move(others), 3);
  EXPECT_FALSE(frame.IsBurst());
  EXPECT_EQ(middle.segment_size, kSegment);
  EXPECT_FALSE(last.IsBurst());
  ExpectWhole({frame, middle, last}, 4 * kSegment + 1);
}

TEST_P(CutBurstOver, WhatCannotBeCutIsOneFrame) {
  const Packet burst = Burst(GetParam(), 5000, kTcpSyn);
  EXPECT_EQ(FramesOf(burst), 1U);
  EXPECT_EQ(CutOff(burst, 9).first.bytes, burst.bytes);
}

INSTANTIATE_TEST_SUITE_P(All, CutBurstOver, testing::Values(Network::kIpv4, Network::kIpv6),
                         [](const auto& info) {
                           return info.param == Network::kIpv4 ? "Ipv4" : "Ipv6";
                         });

TEST(CutBurst, RefusesWhatIsNotTcp) {
  const Bytes udp = Ethernet(kEthertypeIpv4) + Ipv4(17, Udp(Pattern(5000)));
  EXPECT_THAT(CutBurst({.bytes = udp, .segment_size = static_cast<std::uint16_t>(kSegment)}),
              FailsWith(EINVAL));
  EXPECT_EQ(
      CutBurst({.bytes = Bytes(5000, 0), .segment_size = static_cast<std::uint16_t>(kSegment)})
          .error()
          .code,
      EINVAL);
  EXPECT_EQ(CutBurst({.bytes = Bytes(13, 0), .segment_size = static_cast<std::uint16_t>(kSegment)})
                .error()
                .code,
            EINVAL);
  EXPECT_THAT(CutBurst({.bytes = {}, .segment_size = static_cast<std::uint16_t>(kSegment)}),
              FailsWith(EINVAL));
}

TEST(FramesOf, IsOneWithoutHeaders) {
  EXPECT_EQ(FramesOf({.bytes = Bytes(13, 0), .segment_size = 1}), 1U);
  EXPECT_EQ(FramesOf({.bytes = {}, .segment_size = 1}), 1U);
}

TEST(CutBurst, RefusesAFragment) {
  Packet burst = Burst(Network::kIpv4, 5000);
  burst.bytes[14 + 6] = 0x20;  // "more fragments"
  EXPECT_THAT(CutBurst(std::move(burst)), FailsWith(EINVAL));
}

}  // namespace
}  // namespace vnic
