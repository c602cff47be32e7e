#include "ci/vnic/net/checksum.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <vector>

#include "ci/vnic/base/endian.h"
#include "test/unit/net_frames.h"

namespace vnic {
namespace {

// As RFC 1071, section 1 defines it, a word at a time.
std::uint16_t SlowSum(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += bytes[i] * 256U + (i + 1 < bytes.size() ? bytes[i + 1] : 0U);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<std::uint16_t>(sum);
}

TEST(InternetSum, IsThatOfTheRfc) {
  // RFC 1071, section 3.
  EXPECT_EQ(InternetSum(Bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}), 0xddf2);
}

TEST(InternetSum, HoldsForAllLengthsAndAlignments) {
  const Bytes bytes = Pattern(300);
  for (std::size_t start = 0; start < 8; ++start) {
    for (std::size_t length = 0; length + start <= bytes.size(); ++length) {
      const auto part = std::span(bytes).subspan(start, length);
      ASSERT_EQ(InternetSum(part), SlowSum(part)) << length << " bytes from " << start;
    }
  }
}

TEST(InternetSum, CarriesInABufferOfOnes) {
  EXPECT_EQ(InternetSum(Bytes(65536, 0xff)), 0xffff);
  EXPECT_EQ(InternetSum(Bytes(65536, 0)), 0);
}

TEST(InternetSum, GoesOnFromAnInitialSum) {
  const Bytes bytes = Pattern(101);
  const auto head = std::span(bytes).first(40);
  EXPECT_EQ(InternetSum(std::span(bytes).subspan(40), InternetSum(head)), InternetSum(bytes));
}

TEST(Ipv4Checksum, IsThatOfAKnownHeader) {
  // A header as captured: its checksum is b861.
  Bytes frame = Ethernet(kEthertypeIpv4) + Bytes{0x45, 0, 0,   0x73, 0, 0, 0x40, 0,   0x40, 0x11,
                                                 0,    0, 192, 168,  0, 1, 192,  168, 0,    199} +
                Bytes(0x73 - 20, 0);
  const Headers headers = Parse(frame);
  EXPECT_EQ(VerifyIpv4Checksum(frame, headers), ChecksumVerdict::kBad);
  ASSERT_TRUE(CompleteIpv4Checksum(frame, headers));
  EXPECT_EQ(LoadAt<Be16>(frame, 24), 0xb861);
  EXPECT_EQ(VerifyIpv4Checksum(frame, headers), ChecksumVerdict::kGood);
}

struct Case {
  const char* name;
  Bytes frame;
  std::size_t field;  // offset of the checksum
  std::uint16_t expected;
};

// Expected values: computed apart from this code, from the fields in net_frames.h.
std::vector<Case> Cases() {
  const Bytes odd = Bytes{'z', 'c', 'r', 'x', '!'};
  const Bytes padding(13, 0xee);
  return {
      {"tcp4", Ethernet(kEthertypeIpv4) + Ipv4(6, Tcp(odd)), 50, 0xe19d},
      {"tcp6", Ethernet(kEthertypeIpv6) + Ipv6(6, Tcp(odd)), 70, 0x0a2d},
      {"udp4_with_trailer", Ethernet(kEthertypeIpv4) + Ipv4(17, Udp(odd)) + padding, 40, 0x3294},
      {"udp6", Ethernet(kEthertypeIpv6) + Ipv6(17, Udp(odd)), 60, 0x5b23},
  };
}

class TransportChecksum : public testing::TestWithParam<Case> {};

TEST_P(TransportChecksum, IsCompletedAndVerified) {
  Bytes frame = GetParam().frame;
  StoreAt(frame, GetParam().field, Be16(0xabcd));  // as the pseudo-header sum of a driver
  const Headers headers = Parse(frame);
  EXPECT_EQ(VerifyTransportChecksum(frame, headers), ChecksumVerdict::kBad);
  ASSERT_TRUE(CompleteTransportChecksum(frame, headers));
  EXPECT_EQ(LoadAt<Be16>(frame, GetParam().field), GetParam().expected);
  EXPECT_EQ(VerifyTransportChecksum(frame, headers), ChecksumVerdict::kGood);
}

TEST_P(TransportChecksum, NoticesAnyFlippedPayloadBit) {
  Bytes frame = GetParam().frame;
  const Headers headers = Parse(frame);
  ASSERT_TRUE(CompleteTransportChecksum(frame, headers));
  for (std::size_t i = headers.payload_offset; i < headers.payload_end; ++i) {
    frame[i] ^= 0x10;
    EXPECT_EQ(VerifyTransportChecksum(frame, headers), ChecksumVerdict::kBad) << "byte " << i;
    frame[i] ^= 0x10;
  }
}

INSTANTIATE_TEST_SUITE_P(All, TransportChecksum, testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.name; });

TEST(UdpChecksum, ZeroIsWrittenAsOnes) {
  Bytes frame = Ethernet(kEthertypeIpv4) + Ipv4(17, Udp({0, 0}));
  const Headers headers = Parse(frame);
  ASSERT_TRUE(CompleteTransportChecksum(frame, headers));
  // The payload becomes the checksum: now all sums to ones, and its inverse is zero.
  const std::uint16_t sum = LoadAt<Be16>(frame, 40);
  StoreAt(frame, headers.payload_offset, Be16(sum));
  ASSERT_TRUE(CompleteTransportChecksum(frame, headers));
  EXPECT_EQ(LoadAt<Be16>(frame, 40), 0xffff);
  EXPECT_EQ(VerifyTransportChecksum(frame, headers), ChecksumVerdict::kGood);
}

TEST(UdpChecksum, MayBeAbsentOverIpv4Only) {
  const Bytes v4 = Ethernet(kEthertypeIpv4) + Ipv4(17, Udp({1, 2}));
  const Bytes v6 = Ethernet(kEthertypeIpv6) + Ipv6(17, Udp({1, 2}));
  EXPECT_EQ(VerifyTransportChecksum(v4, Parse(v4)), ChecksumVerdict::kAbsent);
  EXPECT_EQ(VerifyTransportChecksum(v6, Parse(v6)), ChecksumVerdict::kBad);
}

TEST(Checksums, AreAbsentWhereThereIsNothingToCheck) {
  Bytes arp = Ethernet(0x0806) + Bytes(46, 7);
  const Bytes before = arp;
  const Headers headers = Parse(arp);
  EXPECT_FALSE(CompleteIpv4Checksum(arp, headers));
  EXPECT_FALSE(CompleteTransportChecksum(arp, headers));
  EXPECT_EQ(arp, before);
  EXPECT_EQ(VerifyIpv4Checksum(arp, headers), ChecksumVerdict::kAbsent);
  EXPECT_EQ(VerifyTransportChecksum(arp, headers), ChecksumVerdict::kAbsent);
}

}  // namespace
}  // namespace vnic
