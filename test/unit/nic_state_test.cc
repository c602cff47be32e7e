// The state of a NIC as a value: what differs, and a veth pair's read and put back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/nic/features.h"
#include "support/nic/state.h"
#include "test/unit/nic_states.h"
#include "test/unit/veth.h"

namespace zcrx {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The full state with a change, against itself.
std::vector<std::string> DifferencesAfter(const std::function<void(NicState&)>& change) {
  NicState now = FullState();
  change(now);
  return Differences(FullState(), now);
}

TEST(NicStateDifferences, ThereAreNoneFromItself) {
  EXPECT_THAT(Differences(FullState(), FullState()), IsEmpty());
  EXPECT_THAT(Differences(NicState{}, NicState{}), IsEmpty());
}

TEST(NicStateDifferences, WhoseItIsDoesNotCount) {
  EXPECT_THAT(DifferencesAfter([](NicState& now) { now.nic = {}; }), IsEmpty());
}

TEST(NicStateClaims, AreTheQueuesThatRulesAndContextsLeadTo) {
  EXPECT_EQ(CountClaimedQueues({}), 0U);
  // The device's own table is anybody's.
  EXPECT_EQ(CountClaimedQueues({.rss = Rss{.table = {0, 5}}}), 0U);
  EXPECT_EQ(CountClaimedQueues({.contexts = {{1, {.table = {2, 0}}}}}), 3U);
  const uint64_t virtual_function = uint64_t{1} << ETHTOOL_RX_FLOW_SPEC_RING_VF_OFF;
  EXPECT_EQ(CountClaimedQueues({.rules = FlowRules{.rules = {RuleAt(0, 0), RuleAt(1, 1),
                                                             RuleAt(2, virtual_function | 7),
                                                             RuleAt(3, RX_CLS_FLOW_DISC)}}}),
            2U);
}

TEST(NicStateDifferences, EachIsASentence) {
  EXPECT_THAT(DifferencesAfter([](NicState& now) { now.admin_up = false; }),
              ElementsAre("link was up, is down"));
  EXPECT_THAT(DifferencesAfter([](NicState& now) { now.mtu = 9000; }),
              ElementsAre("MTU was 1500, is 9000"));
  EXPECT_THAT(DifferencesAfter([](NicState& now) { now.features["rx-gro"].active = false; }),
              ElementsAre("feature rx-gro was on, is off"));
  EXPECT_THAT(
      DifferencesAfter([](NicState& now) { now.features["rx-gro-hw"].requested = false; }),
      ElementsAre("feature rx-gro-hw is still off, but its requested value was on, is off"));
  EXPECT_THAT(DifferencesAfter([](NicState& now) {
                now.features.erase("rx-gro");
                now.features["rx-lro"] = {};  // not named, so left as it is
              }),
              ElementsAre("feature rx-gro could be changed, now cannot"));
  EXPECT_THAT(DifferencesAfter([](NicState& now) {
                now.channels.rx = 2;
                now.channels.combined.reset();
              }),
              ElementsAre("channels: rx was 4, is 2", "channels: combined was 1, is none"));
  EXPECT_THAT(
      DifferencesAfter([](NicState& now) {
        now.rings = {.rx = 256, .tx = 512, .tcp_data_split = TcpDataSplit::kEnabled};
      }),
      ElementsAre("rings: rx was 511, is 256", "rings: rx-mini was 16, is none",
                  "rings: rx-jumbo was 2044, is none", "rings: tcp-data-split was off, is on",
                  "rings: hds-thresh was 256, is none"));
  EXPECT_THAT(DifferencesAfter([](NicState& now) { now.huge_pages = 0; }),
              ElementsAre("huge-pages was 32, is 0"));
  EXPECT_THAT(DifferencesAfter([](NicState& now) { now.keep_addr_on_down = 1; }),
              ElementsAre("keep-addr-on-down was 0, is 1"));
}

TEST(NicStateDifferences, OfRssAreShort) {
  EXPECT_THAT(DifferencesAfter([](NicState& now) {
                now.rss->table = {0, 1, 2, 3};
                now.rss->key.front() = std::byte{0};
              }),
              ElementsAre("RSS table: 1 of 4 entries differ (entry 3 was 0, is 3)",
                          "RSS: key was 6d:5a:00, is 00:5a:00"));
  NicState found = FullState();
  found.rss->table.assign(128, 0);
  found.rss->key.assign(40, std::byte{1});
  NicState now = found;
  now.rss->table.assign(128, 1);
  now.rss->key.assign(40, std::byte{2});
  EXPECT_THAT(
      Differences(found, now),
      ElementsAre("RSS table: 128 of 128 entries differ (entry 0 was 0, is 1; entry 1 was 0, is 1; "
                  "entry 2 was 0, is 1; entry 3 was 0, is 1; ...)",
                  "RSS: key was 01:01:01:01:01:01:01:01... (40 bytes), is "
                  "02:02:02:02:02:02:02:02... (40 bytes)"));
  now.rss.reset();
  EXPECT_THAT(Differences(found, now), ElementsAre("RSS is gone"));
}

TEST(NicStateDifferences, RssOfAnInterfaceThatIsDownIsNotKnown) {
  EXPECT_THAT(DifferencesAfter([](NicState& now) {
                now.admin_up = false;
                now.rss.reset();
              }),
              ElementsAre("link was up, is down"));
}

TEST(NicStateDifferences, ForATableThatCannotBeSetTheDefaultStands) {
  NicState found = FullState();  // with 4 + 1 rx queues
  found.rss->table = {0, 5, 0, 5};
  NicState now = found;
  EXPECT_THAT(Differences(found, now), IsEmpty());
  now.rss->table = {0, 1, 2, 3};
  EXPECT_THAT(Differences(found, now), IsEmpty());
  now.rss->table = {0, 1, 2, 2};
  EXPECT_THAT(Differences(found, now),
              ElementsAre("RSS table: 1 of 4 entries differ (entry 3 was 3, is 2)"));
  now.rss->table = {0, 5, 5, 5};
  EXPECT_THAT(Differences(found, now), IsEmpty()) << "of no use either";
  found.rss->table = {0, 1, 2, 3};
  EXPECT_THAT(
      Differences(found, now),
      ElementsAre("RSS table: 3 of 4 entries differ (entry 1 was 1, is 5; entry 2 was 2, is "
                  "5; entry 3 was 3, is 5)"));
}

TEST(NicStateDifferences, OfContextsAndRulesNameThem) {
  EXPECT_THAT(DifferencesAfter([](NicState& now) {
                now.contexts.erase(1);
                now.contexts[7].table = {1};
                now.contexts[9] = {};
              }),
              ElementsAre("RSS context 1 is gone",
                          "RSS context 7 table: 1 of 1 entries differ (entry 0 was 0, is 1)",
                          "RSS context 9 is new"));
  EXPECT_THAT(DifferencesAfter([](NicState& now) { now.rules->rules = {RuleAt(0), RuleAt(4)}; }),
              ElementsAre("flow rule 3 is gone (tcp4 dst-port 83 to queue 1)",
                          "flow rule 4 is new (tcp4 dst-port 84 to queue 1)"));
  EXPECT_THAT(DifferencesAfter([](NicState& now) { now.rules.reset(); }), testing::SizeIs(2));
}

// Rule `rule` at another location.
RawFlowRule Moved(const RawFlowRule& rule, uint32_t location) {
  RawFlowRule moved = rule;
  std::memcpy(moved.spec.data() + offsetof(ethtool_rx_flow_spec, location), &location,
              sizeof(location));
  return moved;
}

TEST(NicStateDifferences, ALocationCountsWhereTheCallerChoosesIt) {
  const auto move = [](NicState& now) { now.rules->rules = {RuleAt(0), Moved(RuleAt(3), 5)}; };
  EXPECT_THAT(DifferencesAfter(move), IsEmpty());  // the driver numbers them
  NicState found = FullState();
  found.rules->driver_numbers = false;
  NicState now = found;
  move(now);
  EXPECT_THAT(Differences(found, now),
              ElementsAre("flow rule 3 is gone (tcp4 dst-port 83 to queue 1)",
                          "flow rule 5 is new (tcp4 dst-port 83 to queue 1)"));
  // As often as they were.
  EXPECT_THAT(
      DifferencesAfter([](NicState& now) { now.rules->rules = {RuleAt(0), Moved(RuleAt(0), 3)}; }),
      testing::SizeIs(2));
}

class VethState : public Veth {
 protected:
  void SetUp() override {
    Veth::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto found = ReadNicState(nic());
    ASSERT_TRUE(found.has_value()) << found.error().Text();
    found_ = *std::move(found);
  }
  // What differs from what SetUp() found.
  std::vector<std::string> Changed() {
    const auto now = ReadNicState(nic());
    return now.has_value() ? Differences(found_, *now) : std::vector{now.error().Text()};
  }

  NicState found_;
};

TEST_F(VethState, HoldsWhatAVethHas) {
  EXPECT_EQ(found_.nic.interface, "veth0");
  EXPECT_EQ(found_.nic.driver, "veth");
  EXPECT_EQ(found_.nic.index, nic().Index());
  EXPECT_EQ(found_.nic.boot.size(), 36U);
  EXPECT_TRUE(found_.admin_up);
  EXPECT_EQ(found_.mtu, 1500U);
  EXPECT_EQ(found_.features.count("rx-gro"), 1U);
  EXPECT_EQ(found_.features.count("rx-ntuple-filter"), 0U);  // cannot be changed
  EXPECT_EQ(found_.channels, (ChannelsChange{.rx = kVethQueues, .tx = kVethQueues}));
  EXPECT_EQ(found_.rss, std::nullopt);
  EXPECT_EQ(found_.rules, std::nullopt);
  EXPECT_THAT(found_.contexts, IsEmpty());
  const auto read = ParseNicState(SerializeNicState(found_));
  ASSERT_TRUE(read.has_value()) << read.error().Text();
  EXPECT_EQ(*read, found_);
}

TEST_F(VethState, IsPutBack) {
  ASSERT_TRUE(SetChannels(nic(), {.rx = 1, .tx = 2}).has_value());
  ASSERT_TRUE(SetFeature(nic(), "rx-gro", true).has_value());
  ASSERT_TRUE(SetMtu(nic(), 9000).has_value());
  ASSERT_TRUE(SetAdminUp(nic(), false).has_value());
  EXPECT_THAT(Changed(), ElementsAre("link was up, is down", "MTU was 1500, is 9000",
                                     "feature rx-gro was off, is on", "channels: rx was 4, is 1",
                                     "channels: tx was 4, is 2"));
  EXPECT_THAT(Apply(nic(), found_, Soon()).errors, IsEmpty());
  EXPECT_THAT(Changed(), IsEmpty());
  EXPECT_EQ(ReadNicState(nic()).value_or(NicState{}), found_);
}

TEST_F(VethState, IsPutBackDownAsWell) {
  ASSERT_TRUE(SetAdminUp(nic(), false).has_value());
  const auto down = ReadNicState(nic());
  ASSERT_TRUE(down.has_value()) << down.error().Text();
  ASSERT_TRUE(SetAdminUp(nic(), true).has_value());
  EXPECT_THAT(Apply(nic(), *down, Soon()).errors, IsEmpty());
  EXPECT_FALSE(GetLink(nic()).value_or(Link{.admin_up = true}).admin_up);
  ASSERT_TRUE(SetAdminUp(nic(), true).has_value());
}

TEST_F(VethState, NothingChangesWhereNothingDiffers) {
  // The carrier is announced late: by a kworker, once for each end of the pair.
  ASSERT_TRUE(WaitForLink(nic(), Soon()).has_value());
  const uint32_t group = nic().Ethtool().Group("monitor").value_or(0);
  ASSERT_OK_AND_ASSIGN(const auto ethtool, nic().GetKernel().Listen(NETLINK_GENERIC, group));
  ASSERT_OK_AND_ASSIGN(const auto links, nic().GetKernel().Listen(NETLINK_ROUTE, RTNLGRP_LINK));
  // Whatever a call has brought about was announced before it returned.
  const auto heard = [&] {
    size_t messages = 0;
    for (Notifications* socket : {ethtool.get(), links.get()}) {
      while (true) {
        const auto more = socket->Next(Deadline::In({}));
        if (!more.has_value() || more->empty()) break;
        messages += static_cast<size_t>(std::ranges::count_if(*more, [&](const auto& message) {
          return socket == ethtool.get() ||
                 ParseLink(message).value_or(Link{}).index == nic().Index();
        }));
      }
    }
    return messages;
  };
  EXPECT_THAT(Apply(nic(), found_, Soon()).errors, IsEmpty());
  EXPECT_EQ(heard(), 0U);
  ASSERT_TRUE(SetMtu(nic(), 2000).has_value());
  EXPECT_GT(heard(), 0U);
  EXPECT_THAT(Apply(nic(), found_, Soon()).errors, IsEmpty());
  EXPECT_GT(heard(), 0U);
  EXPECT_THAT(Apply(nic(), found_, Soon()).errors, IsEmpty());
  EXPECT_EQ(heard(), 0U);
}

TEST_F(VethState, WhatCannotBePutBackIsAnErrorAndTheRestIsDone) {
  NicState wanted = found_;
  wanted.channels.rx = 99;  // more than there are
  wanted.rings.rx = 512;    // of a device without rings
  wanted.features["rx-gro"] = {.active = true, .requested = true};
  std::string all;
  for (const Error& error : Apply(nic(), wanted, Soon()).errors) all += error.Text() + "\n";
  EXPECT_THAT(all, HasSubstr("set channels of veth0 (rx 99)"));
  EXPECT_THAT(all, HasSubstr("set rings of veth0 (rx 512)"));
  EXPECT_THAT(all, HasSubstr("set veth0 as wanted: channels: rx was 99, is 4"));
  EXPECT_TRUE(GetFeature(nic(), "rx-gro").value_or(Feature{}).active);
  EXPECT_THAT(Apply(nic(), found_, Soon()).errors, IsEmpty());
}

TEST_F(VethState, IsOneNicsAndOneBoots) {
  EXPECT_TRUE(CheckSameNic(found_.nic, nic()).has_value());
  const auto refusal = [&](const NicIdentity& other) {
    const Status status = CheckSameNic(other, nic());
    return status.has_value() ? Fail("it was taken").error() : status.error();
  };
  NicIdentity renamed = found_.nic;
  renamed.interface = "eth7";
  EXPECT_TRUE(CheckSameNic(renamed, nic()).has_value());

  NicIdentity other = found_.nic;
  other.driver = "gve";
  EXPECT_EQ(refusal(other).code, ENODEV);
  EXPECT_THAT(refusal(other).Text(),
              HasSubstr("it is the state of another NIC: its driver was gve, this NIC's is veth"));
  other = found_.nic;
  other.bus = "0000:00:04.0";
  EXPECT_THAT(refusal(other).Text(), HasSubstr("its bus address was 0000:00:04.0"));
  other = found_.nic;
  other.address = "02:00:00:00:00:01";
  EXPECT_THAT(refusal(other).Text(), HasSubstr("its MAC address was 02:00:00:00:00:01"));
  other = found_.nic;
  ++other.index;
  EXPECT_THAT(refusal(other).Text(), HasSubstr("its interface index was"));
  other = found_.nic;
  other.boot = "yesterday";
  EXPECT_EQ(refusal(other).code, ESTALE);
  EXPECT_THAT(refusal(other).Text(), HasSubstr("it is from an earlier boot (yesterday, now "));
}

}  // namespace
}  // namespace zcrx
