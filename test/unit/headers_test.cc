#include "ci/vnic/net/headers.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "test/unit/net_frames.h"

namespace vnic {
namespace {

const Bytes kPayload{'d', 'a', 't', 'a'};

void ExpectPorts(const Headers& headers, Transport transport) {
  EXPECT_EQ(headers.transport, transport);
  EXPECT_EQ(headers.source_port, 5201);
  EXPECT_EQ(headers.destination_port, 9999);
  EXPECT_EQ(headers.PayloadLength(), kPayload.size());
}

TEST(Headers, OfTcpOverIpv4WithOptions) {
  const Bytes frame = Ethernet(kEthertypeIpv4) +
                      Ipv4(6, Tcp(kPayload, kTcpAck | kTcpPsh, Bytes(12, 1)), Bytes(8, 1));
  const Headers headers = Parse(frame);
  EXPECT_EQ(headers.network, Network::kIpv4);
  EXPECT_EQ(headers.traffic_class, 0x10);
  EXPECT_EQ(headers.protocol, kProtocolTcp);
  EXPECT_EQ(headers.source, (IpAddress{192, 0, 2, 1}));
  EXPECT_EQ(headers.destination, (IpAddress{192, 0, 2, 2}));
  EXPECT_EQ(headers.network_offset, 14U);
  EXPECT_EQ(headers.transport_offset, 14U + 28);
  EXPECT_EQ(headers.payload_offset, 14U + 28 + 32);
  EXPECT_EQ(headers.tcp_flags, kTcpAck | kTcpPsh);
  ExpectPorts(headers, Transport::kTcp);
}

TEST(Headers, OfUdpOverIpv6) {
  const Headers headers = Parse(Ethernet(kEthertypeIpv6) + Ipv6(17, Udp(kPayload)));
  EXPECT_EQ(headers.network, Network::kIpv6);
  EXPECT_EQ(headers.traffic_class, 0x10);
  EXPECT_EQ(headers.source, (IpAddress{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(headers.destination[15], 2);
  EXPECT_EQ(headers.transport_offset, 54U);
  ExpectPorts(headers, Transport::kUdp);
}

TEST(Headers, BehindOneAndTwoVlanTags) {
  const Bytes inner = Bytes{0, 7, 0x08, 0x00} + Ipv4(6, Tcp(kPayload));
  const Headers one = Parse(Ethernet(0x8100) + inner);
  EXPECT_EQ(one.ethertype, kEthertypeIpv4);
  EXPECT_EQ(one.network_offset, 18U);
  ExpectPorts(one, Transport::kTcp);
  const Headers two = Parse(Ethernet(0x88a8) + Bytes{0, 9, 0x81, 0x00} + inner);
  EXPECT_EQ(two.network_offset, 22U);
  ExpectPorts(two, Transport::kTcp);
}

TEST(Headers, AThirdVlanTagIsNotLookedThrough) {
  const Bytes tag{0, 1, 0x81, 0x00};
  const Headers headers =
      Parse(Ethernet(0x8100) + tag + tag + Bytes{0, 1, 8, 0} + Ipv4(6, Tcp(kPayload)));
  EXPECT_EQ(headers.ethertype, 0x8100);
  EXPECT_EQ(headers.network, Network::kNone);
}

TEST(Headers, BehindIpv6ExtensionHeaders) {
  const Bytes hop_by_hop{60, 0, 1, 4, 0, 0, 0, 0};
  const Bytes destination_options{44, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  const Bytes atomic_fragment{51, 0, 0, 0, 0, 0, 0, 9};
  const Bytes authentication = Bytes{6, 2} + Bytes(14, 0);
  const Headers headers =
      Parse(Ethernet(kEthertypeIpv6) + Ipv6(0, hop_by_hop + destination_options + atomic_fragment +
                                                   authentication + Tcp(kPayload)));
  EXPECT_EQ(headers.protocol, kProtocolTcp);
  EXPECT_FALSE(headers.fragment);
  EXPECT_EQ(headers.transport_offset, 54U + 8 + 16 + 8 + 16);
  ExpectPorts(headers, Transport::kTcp);
}

TEST(Headers, AreNotLookedForBehindARoutingHeader) {
  const Bytes routing = Bytes{6, 2, 0, 1} + Bytes(20, 0);
  const Headers headers = Parse(Ethernet(kEthertypeIpv6) + Ipv6(43, routing + Tcp(kPayload)));
  EXPECT_EQ(headers.network, Network::kIpv6);
  EXPECT_EQ(headers.transport, Transport::kNone);
  EXPECT_EQ(headers.protocol, 43);
}

TEST(Headers, ExtensionHeadersWithoutEndAreGivenUp) {
  Bytes many;
  for (int i = 0; i < 9; ++i) many = many + Bytes{60, 0, 1, 4, 0, 0, 0, 0};
  const Headers headers = Parse(Ethernet(kEthertypeIpv6) + Ipv6(60, many + Tcp(kPayload)));
  EXPECT_EQ(headers.transport, Transport::kNone);
  EXPECT_EQ(headers.payload_offset, headers.transport_offset);
}

TEST(Headers, OfFragmentsHaveNoPorts) {
  Bytes v4 = Ethernet(kEthertypeIpv4) + Ipv4(17, Udp(kPayload));
  for (const std::uint8_t flags : Bytes{0x20, 0x01}) {  // "more fragments"; an offset
    v4[14 + 6] = flags;
    const Headers headers = Parse(v4);
    EXPECT_TRUE(headers.fragment);
    EXPECT_EQ(headers.transport, Transport::kNone);
    EXPECT_EQ(headers.source_port, 0);
    EXPECT_EQ(headers.protocol, kProtocolUdp);
  }
  const Bytes first_fragment{17, 0, 0, 1, 0, 0, 0, 9};
  const Headers v6 = Parse(Ethernet(kEthertypeIpv6) + Ipv6(44, first_fragment + Udp(kPayload)));
  EXPECT_TRUE(v6.fragment);
  EXPECT_EQ(v6.transport, Transport::kNone);
}

TEST(Headers, PayloadEndsBeforeTheTrailer) {
  const Bytes frame = Ethernet(kEthertypeIpv4) + Ipv4(6, Tcp({})) + Bytes(6, 0);
  const Headers headers = Parse(frame);
  EXPECT_EQ(frame.size(), 60U);
  EXPECT_EQ(headers.PayloadLength(), 0U);
  EXPECT_EQ(headers.payload_end, 54U);
}

TEST(Headers, OfABurstIgnoreTheIpLength) {
  for (const std::uint8_t length : Bytes{0, 60}) {
    Packet burst{.bytes = Ethernet(kEthertypeIpv4) + Ipv4(6, Tcp(Bytes(5000, 1))),
                 .segment_size = 1448};
    burst.bytes[16] = 0;
    burst.bytes[17] = length;
    const Headers headers = ParseHeaders(burst).value_or(Headers{});
    EXPECT_EQ(headers.transport, Transport::kTcp);
    EXPECT_EQ(headers.PayloadLength(), 5000U);
  }
}

struct Malformed {
  const char* name;
  Bytes frame;
  Network network;
};

std::vector<Malformed> MalformedFrames() {
  const Bytes v4 = Ethernet(kEthertypeIpv4) + Ipv4(6, Tcp(kPayload));
  const Bytes v6 = Ethernet(kEthertypeIpv6) + Ipv6(6, Tcp(kPayload));
  const Bytes udp = Ethernet(kEthertypeIpv4) + Ipv4(17, Udp(kPayload));
  const auto with = [](Bytes frame, std::size_t at, std::uint8_t value) {
    frame[at] = value;
    return frame;
  };
  return {
      {"v4_version_6", with(v4, 14, 0x65), Network::kNone},
      {"v4_header_of_16_bytes", with(v4, 14, 0x44), Network::kNone},
      {"v4_header_beyond_the_packet", with(v4, 17, 19), Network::kNone},
      {"v4_length_beyond_the_frame", with(v4, 16, 1), Network::kNone},
      {"v6_version_4", with(v6, 14, 0x41), Network::kNone},
      {"v6_length_beyond_the_frame", with(v6, 18, 1), Network::kNone},
      {"v6_extension_beyond_the_packet", with(with(v6, 20, 0), 55, 200), Network::kIpv6},
      {"tcp_header_of_16_bytes", with(v4, 46, 0x40), Network::kIpv4},
      {"tcp_header_beyond_the_packet", with(v4, 46, 0xf0), Network::kIpv4},
      {"tcp_cut_short_by_the_ip_length", with(v4, 17, 39), Network::kIpv4},
      {"udp_length_7", with(udp, 39, 7), Network::kIpv4},
      {"udp_length_beyond_the_packet", with(udp, 39, 13), Network::kIpv4},
  };
}

class MalformedHeaders : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedHeaders, EndBeforeTheFault) {
  const Headers headers = Parse(GetParam().frame);
  EXPECT_EQ(headers.network, GetParam().network);
  EXPECT_EQ(headers.transport, Transport::kNone);
  EXPECT_LE(headers.payload_offset, headers.payload_end);
  EXPECT_LE(headers.payload_end, GetParam().frame.size());
}

INSTANTIATE_TEST_SUITE_P(All, MalformedHeaders, testing::ValuesIn(MalformedFrames()),
                         [](const auto& info) { return info.param.name; });

TEST(Headers, StayWithinEveryPrefixOfAFrame) {
  const Bytes options{44, 0, 1, 4, 0, 0, 0, 0};
  const Bytes atomic_fragment{6, 0, 0, 0, 0, 0, 0, 9};
  for (const Bytes& frame :
       {Ethernet(0x8100) + Bytes{0, 1, 0x86, 0xdd} +
            Ipv6(60, options + atomic_fragment + Tcp(kPayload, kTcpAck, Bytes(12, 1))),
        Ethernet(kEthertypeIpv4) + Ipv4(6, Tcp(kPayload), Bytes(4, 1))}) {
    for (std::size_t length = 0; length < frame.size(); ++length) {
      // A copy of its own, so that a sanitizer sees a read past the end.
      const Bytes prefix(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(length));
      for (const IpLength rule : {IpLength::kBinding, IpLength::kIgnored}) {
        const auto headers = ParseHeaders(prefix, rule);
        ASSERT_EQ(headers.has_value(), length >= 14);
        if (!headers) continue;
        EXPECT_LE(headers->payload_offset, headers->payload_end);
        EXPECT_LE(headers->payload_end, length);
        if (rule == IpLength::kBinding) {
          EXPECT_EQ(headers->network, Network::kNone) << length;
        }
      }
    }
  }
}

}  // namespace
}  // namespace vnic
