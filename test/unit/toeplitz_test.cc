// The published vectors: Microsoft, "Verifying the RSS hash calculation".
#include "ci/vnic/net/toeplitz.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "ci/vnic/net/rss.h"

namespace vnic {
namespace {

using ::testing::Optional;

constexpr ToeplitzKey kKey = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                              0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                              0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                              0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

struct Vector {
  const char* name;
  const char* destination;
  const char* source;
  std::uint16_t destination_port;
  std::uint16_t source_port;
  std::uint32_t by_addresses;
  std::uint32_t by_ports;
  Network network;
};

constexpr Vector kVectors[] = {
    {"v4_1", "161.142.100.80", "66.9.149.187", 1766, 2794, 0x323e8fc2, 0x51ccc178, Network::kIpv4},
    {"v4_2", "65.69.140.83", "199.92.111.2", 4739, 14230, 0xd718262a, 0xc626b0ea, Network::kIpv4},
    {"v4_3", "12.22.207.184", "24.19.198.95", 38024, 12898, 0xd2d0a5de, 0x5c2b394a, Network::kIpv4},
    {"v4_4", "209.142.163.6", "38.27.205.30", 2217, 48228, 0x82989176, 0xafc7327f, Network::kIpv4},
    {"v4_5", "202.188.127.2", "153.39.163.191", 1303, 44251, 0x5d1809c5, 0x10e828a2,
     Network::kIpv4},
    {"v6_1", "3ffe:2501:200:3::1", "3ffe:2501:200:1fff::7", 1766, 2794, 0x2cc18cd5, 0x40207d3d,
     Network::kIpv6},
    {"v6_2", "ff02::1", "3ffe:501:8::260:97ff:fe40:efab", 4739, 14230, 0x0f0c461c, 0xdde51bbf,
     Network::kIpv6},
    {"v6_3", "fe80::200:f8ff:fe21:67cf", "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 38024, 44251,
     0x4b61e985, 0x02d1feef, Network::kIpv6},
};

Headers HeadersOf(const Vector& vector, Transport transport) {
  Headers headers{.network = vector.network, .transport = transport};
  const int family = vector.network == Network::kIpv4 ? AF_INET : AF_INET6;
  EXPECT_EQ(inet_pton(family, vector.source, headers.source.data()), 1);
  EXPECT_EQ(inet_pton(family, vector.destination, headers.destination.data()), 1);
  headers.source_port = vector.source_port;
  headers.destination_port = vector.destination_port;
  return headers;
}

class ToeplitzVectors : public testing::TestWithParam<Vector> {};

TEST_P(ToeplitzVectors, TcpIsHashedWithPorts) {
  EXPECT_THAT(HashOf(HeadersOf(GetParam(), Transport::kTcp), kKey, HashTypes::All()),
              Optional(RssHash{GetParam().by_ports, true}));
}

TEST_P(ToeplitzVectors, UdpIsHashedWithPorts) {
  EXPECT_THAT(HashOf(HeadersOf(GetParam(), Transport::kUdp), kKey, HashTypes::All()),
              Optional(RssHash{GetParam().by_ports, true}));
}

TEST_P(ToeplitzVectors, OtherPacketsAreHashedByAddresses) {
  EXPECT_THAT(HashOf(HeadersOf(GetParam(), Transport::kNone), kKey, HashTypes::All()),
              Optional(RssHash{GetParam().by_addresses, false}));
}

TEST_P(ToeplitzVectors, TcpWithItsTypeOffIsHashedByAddresses) {
  EXPECT_THAT(HashOf(HeadersOf(GetParam(), Transport::kTcp), kKey,
                     {.ipv4 = true, .ipv4_udp = true, .ipv6 = true, .ipv6_udp = true}),
              Optional(RssHash{GetParam().by_addresses, false}));
}

INSTANTIATE_TEST_SUITE_P(Microsoft, ToeplitzVectors, testing::ValuesIn(kVectors),
                         [](const auto& info) { return info.param.name; });

TEST(Rss, PacketWithoutItsTypeHasNoHash) {
  const Headers v4 = HeadersOf(kVectors[0], Transport::kTcp);
  const Headers v6 = HeadersOf(kVectors[5], Transport::kTcp);
  EXPECT_EQ(HashOf(v4, kKey, {}), std::nullopt);
  EXPECT_EQ(HashOf(v4, kKey, {.ipv6 = true, .ipv6_tcp = true}), std::nullopt);
  EXPECT_EQ(HashOf(v6, kKey, {.ipv4 = true, .ipv4_tcp = true}), std::nullopt);
  EXPECT_EQ(HashOf(Headers{}, kKey, HashTypes::All()), std::nullopt);
}

TEST(Rss, HashChoosesTheSlot) {
  RssContext context;
  context.indirection = {7, 5, 3, 1};
  EXPECT_EQ(context.QueueFor(RssHash{.value = 0x51ccc178}), 7U);
  EXPECT_EQ(context.QueueFor(RssHash{.value = 0xc626b0eb}), 1U);
  EXPECT_EQ(context.QueueFor(std::nullopt), 7U);
}

TEST(Rss, EmptyTableTakesNothing) {
  EXPECT_EQ(RssContext{}.QueueFor(RssHash{.value = 1}), std::nullopt);
  EXPECT_EQ(RssContext{}.QueueFor(std::nullopt), std::nullopt);
}

TEST(Toeplitz, InputBehindTheKeyDoesNotCount) {
  std::vector<std::uint8_t> input(36, 0xa5);
  const std::uint32_t hash = Toeplitz(kKey, input);
  EXPECT_NE(hash, 0U);
  input.resize(5000, 0xff);
  EXPECT_EQ(Toeplitz(kKey, input), hash);
  EXPECT_EQ(Toeplitz(kKey, {}), 0U);
}

}  // namespace
}  // namespace vnic
