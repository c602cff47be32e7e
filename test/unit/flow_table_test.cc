#include "ci/vnic/net/flow_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <functional>

#include "ci/vnic/net/steering.h"
#include "fixtures/result_matchers.h"

namespace vnic {
namespace {

using zcrx::FailsWith;

constexpr IpAddress kWhole = {255, 255, 255, 255, 255, 255, 255, 255,
                              255, 255, 255, 255, 255, 255, 255, 255};

Headers TcpPacket() {
  return {.network = Network::kIpv6,
          .traffic_class = 0x20,
          .protocol = kProtocolTcp,
          .source = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
          .destination = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},
          .transport = Transport::kTcp,
          .source_port = 40000,
          .destination_port = 9999};
}

FlowMatch Everything() {
  const Headers packet = TcpPacket();
  return {.network = packet.network,
          .protocol = packet.protocol,
          .source = {packet.source, kWhole},
          .destination = {packet.destination, kWhole},
          .traffic_class = {packet.traffic_class, 0xff},
          .source_port = {packet.source_port, 0xffff},
          .destination_port = {packet.destination_port, 0xffff}};
}

FlowRule ToQueue(std::uint16_t destination_port, std::uint32_t queue) {
  return {.match = {.network = Network::kIpv6,
                    .protocol = kProtocolTcp,
                    .destination_port = {destination_port, 0xffff}},
          .action = {.queue = queue}};
}

struct OneField {
  const char* name;
  std::function<void(Headers&)> change;
};

class FlowMatchField : public testing::TestWithParam<OneField> {};

TEST_P(FlowMatchField, DecidesAlone) {
  Headers packet = TcpPacket();
  EXPECT_TRUE(Matches(Everything(), packet));
  GetParam().change(packet);
  EXPECT_FALSE(Matches(Everything(), packet));
  EXPECT_EQ(Matches({.network = Network::kIpv6}, packet), packet.network == Network::kIpv6);
}

INSTANTIATE_TEST_SUITE_P(
    All, FlowMatchField,
    testing::Values(OneField{"network", [](Headers& packet) { packet.network = Network::kIpv4; }},
                    OneField{"protocol", [](Headers& packet) { packet.protocol = kProtocolUdp; }},
                    OneField{"source", [](Headers& packet) { packet.source[15] ^= 1; }},
                    OneField{"destination", [](Headers& packet) { packet.destination[0] ^= 0x80; }},
                    OneField{"traffic_class", [](Headers& packet) { packet.traffic_class ^= 4; }},
                    OneField{"source_port", [](Headers& packet) { packet.source_port ^= 0x100; }},
                    OneField{"destination_port",
                             [](Headers& packet) { packet.destination_port ^= 1; }}),
    [](const auto& info) { return info.param.name; });

TEST(FlowMatch, BitsOutsideTheMaskDoNotCount) {
  FlowMatch match = Everything();
  match.source.mask[15] = 0xf0;
  match.destination_port.mask = 0xff00;
  Headers packet = TcpPacket();
  packet.source[15] ^= 0x0f;
  packet.destination_port ^= 0x00ff;
  EXPECT_TRUE(Matches(match, packet));
  packet.source[15] ^= 0x10;
  EXPECT_FALSE(Matches(match, packet));
}

TEST(FlowMatch, PortsAreNotThoseOfAFragment) {
  Headers packet = TcpPacket();
  packet.transport = Transport::kNone;
  packet.fragment = true;
  packet.source_port = packet.destination_port = 0;
  const FlowMatch port_zero{.network = Network::kIpv6, .destination_port = {0, 0xffff}};
  EXPECT_FALSE(Matches(port_zero, packet));
  EXPECT_TRUE(Matches({.network = Network::kIpv6, .protocol = kProtocolTcp}, packet));
}

TEST(FlowMatch, WithoutANetworkMatchesNothing) {
  EXPECT_FALSE(Matches({}, TcpPacket()));
  EXPECT_FALSE(Matches({}, Headers{}));
}

TEST(FlowTable, LowestLocationWins) {
  FlowTable table(4);
  ASSERT_TRUE(table.Add(7, ToQueue(9999, 1)).has_value());
  ASSERT_TRUE(table.Add(2, ToQueue(9999, 3)).has_value());
  ASSERT_TRUE(table.Add(1, ToQueue(80, 2)).has_value());
  const FlowRule* rule = table.Lookup(TcpPacket());
  ASSERT_NE(rule, nullptr);
  EXPECT_EQ(rule->action.queue, 3U);
  ASSERT_TRUE(table.Remove(2).has_value());
  rule = table.Lookup(TcpPacket());
  ASSERT_NE(rule, nullptr);
  EXPECT_EQ(rule->action.queue, 1U);
  table.Clear();
  EXPECT_EQ(table.Lookup(TcpPacket()), nullptr);
}

TEST(FlowTable, RefusesWithTheReason) {
  FlowTable table(2);
  ASSERT_TRUE(table.Add(0, ToQueue(1, 1)).has_value());
  ASSERT_TRUE(table.Add(0xffffffff, ToQueue(2, 1)).has_value());
  EXPECT_THAT(table.Add(0, ToQueue(3, 1)), FailsWith(EEXIST));
  EXPECT_THAT(table.Add(1, ToQueue(3, 1)), FailsWith(ENOSPC));
  EXPECT_THAT(table.Add(1, FlowRule{}), FailsWith(EINVAL));
  EXPECT_THAT(table.Remove(1), FailsWith(ENOENT));
  EXPECT_EQ(table.Rules().size(), 2U);
}

class SteerTest : public testing::Test {
 protected:
  // Where no queue takes the packet the test fails.
  Destination Steered() {
    const auto to = Steer(TcpPacket(), flows_, contexts_);
    EXPECT_TRUE(to.has_value());
    return to.value_or(Destination{});
  }
  std::optional<RssHash> HashIn(std::uint32_t context) {
    return HashOf(TcpPacket(), contexts_[context].key, HashTypes::All());
  }

  FlowTable flows_{8};
  std::map<std::uint32_t, RssContext> contexts_ = {
      {kDefaultContext, {.key = {1, 2, 3, 4}, .indirection = {0}}},
      {5, {.key = {5, 6, 7, 8}, .indirection = {6}}}};
};

TEST_F(SteerTest, RssWhereNoRuleMatches) {
  ASSERT_TRUE(flows_.Add(0, ToQueue(80, 3)).has_value());
  const Destination to = Steered();
  EXPECT_EQ(to.context, kDefaultContext);
  EXPECT_EQ(to.queue, 0U);
  EXPECT_FALSE(to.queue_by_rule);
}

TEST_F(SteerTest, RuleNamesTheQueue) {
  ASSERT_TRUE(flows_.Add(0, ToQueue(9999, 3)).has_value());
  const Destination to = Steered();
  EXPECT_EQ(to.queue, 3U);
  EXPECT_TRUE(to.queue_by_rule);
  EXPECT_EQ(to.hash, HashIn(kDefaultContext));
}

TEST_F(SteerTest, RuleNamesTheContext) {
  FlowRule rule = ToQueue(9999, 0);
  rule.action = {.context = 5};
  ASSERT_TRUE(flows_.Add(0, rule).has_value());
  const Destination to = Steered();
  EXPECT_EQ(to.context, 5U);
  EXPECT_EQ(to.queue, 6U);
  EXPECT_EQ(to.hash, HashIn(5));
}

TEST_F(SteerTest, NoQueueInAContextThatIsGoneOrEmpty) {
  FlowRule rule = ToQueue(9999, 0);
  rule.action = {.context = 5};
  ASSERT_TRUE(flows_.Add(0, rule).has_value());
  contexts_[5].indirection.clear();
  EXPECT_FALSE(Steer(TcpPacket(), flows_, contexts_));
  contexts_.erase(5);
  EXPECT_FALSE(Steer(TcpPacket(), flows_, contexts_));
}

}  // namespace
}  // namespace vnic
