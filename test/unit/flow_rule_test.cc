#include "support/nic/flow_rule.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/ethtool.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace zcrx {
namespace {

using testing::Each;
using testing::HasSubstr;

in_addr V4(const char* text) {
  in_addr address{};
  EXPECT_EQ(inet_pton(AF_INET, text, &address), 1) << text;
  return address;
}

in6_addr V6(const char* text) {
  in6_addr address{};
  EXPECT_EQ(inet_pton(AF_INET6, text, &address), 1) << text;
  return address;
}

template <typename T>
std::vector<unsigned char> BytesOf(const T& value) {
  std::vector<unsigned char> bytes(sizeof(value));
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

// ethtool -N eth1 flow-type tcp6 dst-port 9999 action 1
FlowRule PortToQueue() {
  return {.ip = FlowRule::Ip::kV6, .destination_port = 9999, .action = ToQueue{1}};
}

TEST(EncodeFlowRule, MatchesOnlyTheDestinationPort) {
  const auto request = EncodeFlowRule(PortToQueue());
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->fs.flow_type, 5U);  // TCP_V6_FLOW
  EXPECT_EQ(request->fs.ring_cookie, 1U);
  EXPECT_EQ(request->fs.location, 0xffffffffU);  // RX_CLS_LOC_ANY

  // ip6src and ip6dst of 16 bytes each, psrc, pdst, tclass: the port in network order at byte 34.
  std::vector<unsigned char> value(sizeof(request->fs.h_u));
  value[34] = 0x27;
  value[35] = 0x0f;
  EXPECT_EQ(BytesOf(request->fs.h_u), value);
  std::vector<unsigned char> mask(sizeof(request->fs.m_u));
  mask[34] = mask[35] = 0xff;
  EXPECT_EQ(BytesOf(request->fs.m_u), mask);
  EXPECT_THAT(BytesOf(request->fs.m_ext), Each(0));
}

TEST(EncodeFlowRule, PutsAllFieldsOfV4) {
  const FlowRule rule{.ip = FlowRule::Ip::kV4,
                      .source = V4("192.0.2.1"),
                      .destination = V4("192.0.2.2"),
                      .source_port = 0x1234,
                      .destination_port = 0x5678,
                      .action = ToQueue{3},
                      .location = 7};
  const auto request = EncodeFlowRule(rule);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->fs.flow_type, 1U);  // TCP_V4_FLOW
  EXPECT_EQ(request->fs.location, 7U);
  std::vector<unsigned char> value{192, 0, 2, 1, 192, 0, 2, 2, 0x12, 0x34, 0x56, 0x78};
  value.resize(sizeof(request->fs.h_u));
  EXPECT_EQ(BytesOf(request->fs.h_u), value);
  std::vector<unsigned char> mask(12, 0xff);
  mask.resize(sizeof(request->fs.m_u));
  EXPECT_EQ(BytesOf(request->fs.m_u), mask);
}

TEST(EncodeFlowRule, LeadsToAnRssContext) {
  FlowRule rule = PortToQueue();
  rule.action = ToRssContext{2};
  const auto request = EncodeFlowRule(rule);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->fs.flow_type, 5U | 0x20000000U);  // FLOW_RSS
  EXPECT_EQ(request->rss_context, 2U);
  EXPECT_EQ(request->fs.ring_cookie, 0U);
}

TEST(EncodeFlowRule, RefusesAnAddressOfTheOtherVersion) {
  FlowRule rule = PortToQueue();
  rule.destination = V4("192.0.2.2");
  const auto request = EncodeFlowRule(rule);
  ASSERT_FALSE(request.has_value());
  EXPECT_EQ(request.error().code, EINVAL);
  EXPECT_THAT(request.error().Text(), HasSubstr("tcp6 dst-ip 192.0.2.2 dst-port 9999 to queue 1"));
}

TEST(DecodeFlowRule, ReadsBackWhatWasEncoded) {
  const FlowRule v4{.ip = FlowRule::Ip::kV4,
                    .source = V4("192.0.2.1"),
                    .source_port = 1,
                    .action = ToRssContext{4},
                    .location = 0};
  const FlowRule v6{.ip = FlowRule::Ip::kV6,
                    .source = V6("2001:db8::1"),
                    .destination = V6("2001:db8::2"),
                    .destination_port = 65535,
                    .action = ToQueue{0},
                    .location = 1023};
  for (const FlowRule& rule : {v4, v6}) {
    const auto request = EncodeFlowRule(rule);
    ASSERT_TRUE(request.has_value());
    const auto decoded = DecodeFlowRule(*request);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().Text();
    EXPECT_EQ(*decoded, rule) << decoded->Text();
  }
}

TEST(DecodeFlowRule, RefusesRulesItCannotDescribe) {
  const auto decode = [](auto change) {
    auto answer = EncodeFlowRule(PortToQueue()).value_or(EncodedRule());
    change(answer.fs);
    const auto rule = DecodeFlowRule(answer);
    return rule.has_value() ? "decoded: " + rule->Text() : rule.error().Text();
  };
  using Spec = ethtool_rx_flow_spec;
  EXPECT_THAT(decode([](Spec&) {}), HasSubstr("decoded: tcp6 dst-port 9999"));
  EXPECT_THAT(decode([](Spec& spec) { spec.flow_type = UDP_V6_FLOW; }),
              HasSubstr("not a TCP rule"));
  EXPECT_THAT(decode([](Spec& spec) { spec.flow_type |= FLOW_EXT; }), HasSubstr("not a TCP rule"));
  EXPECT_THAT(decode([](Spec& spec) { spec.m_u.tcp_ip6_spec.pdst = htons(0xfff0); }),
              HasSubstr("matches part of a field"));
  EXPECT_THAT(decode([](Spec& spec) { spec.m_u.tcp_ip6_spec.ip6dst[0] = 0xffffffff; }),
              HasSubstr("matches part of a field"));
  EXPECT_THAT(decode([](Spec& spec) { spec.m_u.tcp_ip6_spec.tclass = 0xff; }),
              HasSubstr("traffic class"));
  EXPECT_THAT(decode([](Spec& spec) { spec.ring_cookie = RX_CLS_FLOW_DISC; }),
              HasSubstr("does not lead to a queue"));
}

TEST(FlowRule, ComparesEveryField) {
  const FlowRule rule = PortToQueue();
  EXPECT_EQ(rule, PortToQueue());
  FlowRule other = rule;
  other.source = V6("::1");
  EXPECT_FALSE(rule == other);
  other = rule;
  other.action = ToRssContext{1};
  EXPECT_FALSE(rule == other);
  other = rule;
  other.location = 0;
  EXPECT_FALSE(rule == other);
}

TEST(HighestFreeLocation, IsBelowTheTakenOnes) {
  EXPECT_EQ(HighestFreeLocation({}, 8), 7U);
  EXPECT_EQ(HighestFreeLocation({7}, 8), 6U);
  EXPECT_EQ(HighestFreeLocation({6, 7, 3}, 8), 5U);
  EXPECT_EQ(HighestFreeLocation({0}, 8), 7U);
}

TEST(HighestFreeLocation, IsNoneWhereTheTableIsFull) {
  EXPECT_EQ(HighestFreeLocation({1, 0}, 2), std::nullopt);
  EXPECT_EQ(HighestFreeLocation({}, 0), std::nullopt);
}

TEST(HighestFreeLocation, PassesOverLocationsOutsideTheTable) {
  EXPECT_EQ(HighestFreeLocation({0xffffffff, 8, 7, 7}, 8), 6U);
}

}  // namespace
}  // namespace zcrx
