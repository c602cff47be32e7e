// support/nic against a real kernel: a veth pair in a network namespace of the test's own. A veth
// has channels, features, queues and a link, and refuses the rest with sentences of the kernel's.
#include "test/unit/veth.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/ethtool_netlink.h>
#include <linux/if_addr.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/net/listen.h"
#include "support/net/socket_address.h"
#include "support/nic/absence.h"
#include "support/nic/addresses.h"
#include "support/nic/declared_nic.h"
#include "support/nic/features.h"
#include "support/nic/link.h"
#include "support/nic/queues.h"

namespace zcrx {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr uint32_t kQueues = kVethQueues;

// Queues by netlink came with Linux 6.8.
class VethQueues : public Veth {
 protected:
  void SetUp() override {
    Veth::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (!CanSeeQueues(nic())) GTEST_SKIP() << "this kernel's netdev family has no queue-get";
  }
};

TEST_F(Veth, AnInterfaceThatDoesNotExistIsNamedBesideThoseThatDo) {
  const auto none = Nic::Open("eth7");
  ASSERT_FALSE(none.has_value());
  EXPECT_THAT(none.error().Text(), AllOf(HasSubstr("no network interface eth7; there are: "),
                                         HasSubstr("veth0"), HasSubstr("lo")));
}

Status AddAltName(const Nic& nic, const std::string& name) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(nic.Index());
  netlink::Request request("name " + nic.Name(), RTM_NEWLINKPROP,
                           NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND);
  request.Header(&header, sizeof(header))
      .BeginNest(IFLA_PROP_LIST)
      .PutText(IFLA_ALT_IFNAME, name)
      .EndNest();
  return Send(request);
}

TEST_F(Veth, HasTheKernelsNameWhicheverWasGiven) {
  for (const std::string& name : {std::string("cable"), std::string(127, 'n')}) {
    const Status named = AddAltName(nic(), name);
    ASSERT_TRUE(named.has_value()) << named.error().Text();
    const auto by_name = Nic::Open(name);
    ASSERT_TRUE(by_name.has_value()) << by_name.error().Text();
    EXPECT_EQ(by_name->Name(), "veth0");
    EXPECT_EQ(by_name->Index(), nic().Index());
  }
}

Status AddAddress(const char* interface, int family, const char* address, const char* peer,
                  uint8_t flags = IFA_F_NODAD) {
  const ifaddrmsg header = {.ifa_family = static_cast<uint8_t>(family),
                            .ifa_prefixlen = 24,
                            .ifa_flags = flags,
                            .ifa_scope = 0,
                            .ifa_index = ::if_nametoindex(interface)};
  std::array<std::byte, sizeof(in6_addr)> bytes;
  const size_t size = family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr);
  netlink::Request request(std::string("address of ") + interface, RTM_NEWADDR,
                           NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE);
  request.Header(&header, sizeof(header));
  for (const auto& [type, text] : {std::pair{IFA_LOCAL, address}, {IFA_ADDRESS, peer}}) {
    if (::inet_pton(family, text, bytes.data()) != 1) return Fail(text);
    request.PutBytes(type, netlink::Bytes(bytes).first(size));
  }
  return Send(request);
}

TEST_F(Veth, AddressesThatSomebodyHasSetAreReadAndSetAgain) {
  ASSERT_TRUE(AddAddress("veth0", AF_INET, "203.0.113.7", "203.0.113.8").has_value());
  ASSERT_TRUE(AddAddress("veth0", AF_INET6, "2001:db8:9::1", "2001:db8:9::1").has_value());
  const auto set = GetSetAddresses(nic());
  ASSERT_TRUE(set.has_value()) << set.error().Text();
  EXPECT_GE(set->size(), 2U);
  for (const NicAddress& address : *set) EXPECT_THAT(AddAddress(nic(), address), IsOk());
  EXPECT_THAT(GetSetAddresses(nic()), IsOkAndHolds(*set)) << "they are there already";

  ASSERT_THAT(SetAdminUp(nic(), false), IsOk());  // IPv6 addresses go
  const auto left = GetSetAddresses(nic());
  ASSERT_TRUE(left.has_value());
  EXPECT_LT(left->size(), set->size());
  ASSERT_THAT(SetAdminUp(nic(), true), IsOk());
  for (const NicAddress& address : *set) EXPECT_THAT(AddAddress(nic(), address), IsOk());
  EXPECT_THAT(GetSetAddresses(nic()), IsOkAndHolds(testing::UnorderedElementsAreArray(*set)));
}

// A virtual device that moves to a namespace ends with it.
TEST_F(Veth, DoesNotGoAway) {
  for (const auto leave : {Absence::ByMoving, Absence::ByUnbinding}) {
    EXPECT_THAT(leave(nic()), AllOf(FailsWith(EOPNOTSUPP),
                                    FailsWithText(HasSubstr("\"\" is not a PCI function"))));
  }
  EXPECT_THAT(GetLink(nic()), IsOk());
}

TEST_F(Veth, IsReachableOnceItsAddressesCanBeUsed) {
  ASSERT_OK(AddAddress("veth0", AF_INET6, "2001:db8::5", "2001:db8::5", 0));
  ASSERT_OK_AND_ASSIGN(const SocketAddress address, SocketAddress::Parse("2001:db8::5", 0));
  EXPECT_THAT(ListenOn(address), FailsWith(EADDRNOTAVAIL)) << "the wait is for nothing";
  ASSERT_OK(WaitUntilReachable(nic(), Soon()));
  EXPECT_THAT(ListenOn(address), IsOk());
}

TEST_F(Veth, AnAddressIsOnItOrItIsSaidWhereElse) {
  ASSERT_TRUE(AddAddress("veth0", AF_INET, "192.0.2.1", "192.0.2.1").has_value());
  ASSERT_TRUE(AddAddress("veth0", AF_INET, "192.0.2.7", "192.0.2.8").has_value());
  ASSERT_TRUE(AddAddress("veth0", AF_INET6, "2001:db8::1", "2001:db8::1").has_value());
  ASSERT_TRUE(AddAddress("veth1", AF_INET, "198.51.100.1", "198.51.100.1").has_value());
  ASSERT_TRUE(
      AddAddress("veth1", AF_INET6, "2001:db8::c000:201", "2001:db8::c000:201").has_value());
  for (const char* own : {"192.0.2.1", "192.0.2.7", "2001:db8::1", "2001:0DB8:0::0001"}) {
    const Status on = CheckAddressIsOn(nic(), own);
    EXPECT_TRUE(on.has_value()) << on.error().Text();
  }
  const auto refusal = [&](const char* address) {
    const Status on = CheckAddressIsOn(nic(), address);
    return on ? "it is there" : on.error().Text();
  };
  EXPECT_EQ(refusal("198.51.100.1"),
            "198.51.100.1 is not an address of veth0: veth1 has this address");
  EXPECT_EQ(refusal("2001:db8::c000:201"),
            "2001:db8::c000:201 is not an address of veth0: veth1 has this address");
  for (const char* nobodys : {"192.0.2.8", "192.0.2.2", "2001:db8::2"}) {
    EXPECT_EQ(refusal(nobodys), fmt::format("{} is not an address of veth0: no interface of this "
                                            "machine has this address",
                                            nobodys));
  }
  EXPECT_EQ(refusal("eth1"), "eth1 is not an IPv4 or IPv6 address");
}

TEST_F(Veth, HasADriver) {
  const auto info = GetDriverInfo(nic());
  ASSERT_TRUE(info.has_value()) << info.error().Text();
  EXPECT_EQ(info->driver, "veth");
}

TEST_F(Veth, ARefusedChangeHasTheKernelsSentence) {
  EXPECT_THAT(SetChannels(nic(), {.rx = 9999}),
              AllOf(FailsWith(EINVAL),
                    FailsWithText(AllOf(HasSubstr("set channels of veth0 (rx 9999)"),
                                        HasSubstr("requested channel count exceeds maximum")))));
}

TEST_F(Veth, TheKernelTellsWhetherItFoundAnythingToChange) {
  const auto set_rx = [this](uint32_t queues) {
    auto request = nic().EthtoolRequest("set channels of veth0", ETHTOOL_MSG_CHANNELS_SET);
    EncodeChannels({.rx = queues}, request);
    return nic().CallAndTell(request, ETHTOOL_MSG_CHANNELS_NTF);
  };
  const auto changed = [](const Result<bool>& told) { return told.has_value() && *told; };
  EXPECT_TRUE(changed(set_rx(3)));
  const Result<bool> again = set_rx(3);
  ASSERT_TRUE(again.has_value()) << again.error().Text();
  EXPECT_FALSE(*again);
  EXPECT_TRUE(changed(set_rx(kQueues)));
}

// A listener hears what fits into its buffer, and what came after that is lost.
TEST_F(Veth, AChangeThatCouldNotBeHeardIsNotTakenForNone) {
  constexpr int kMoreThanFit = 4000;
  const uint32_t group = nic().Ethtool().Group("monitor").value_or(0);
  ASSERT_OK_AND_ASSIGN(const auto monitor, nic().GetKernel().Listen(NETLINK_GENERIC, group));
  for (int i = 0; i < kMoreThanFit; ++i) {
    ASSERT_OK(AskForFeatures(nic(), {{"tx-tcp-segmentation", i % 2 != 0}}));
  }
  ASSERT_OK(SetChannels(nic(), {.rx = 2}));
  EXPECT_THAT(HasTold(*monitor, ETHTOOL_MSG_CHANNELS_NTF, nic().Index()), FailsWith(ENOBUFS));
  // And once there is room again.
  ASSERT_OK(SetChannels(nic(), {.rx = 3}));
  EXPECT_THAT(HasTold(*monitor, ETHTOOL_MSG_CHANNELS_NTF, nic().Index()), IsOkAndHolds(true));
  EXPECT_THAT(HasTold(*monitor, ETHTOOL_MSG_CHANNELS_NTF, nic().Index()), IsOkAndHolds(false));
  ASSERT_OK(SetChannels(nic(), {.rx = kQueues}));
}

TEST_F(Veth, AFeatureIsChanged) {
  ASSERT_EQ(GetFeature(nic(), "rx-gro").value_or(Feature{}),
            (Feature{.active = false, .wanted = false, .changeable = true}));
  ASSERT_OK(SetFeature(nic(), "rx-gro", true));
  EXPECT_TRUE(GetFeature(nic(), "rx-gro").value_or(Feature{}).active);
  ASSERT_OK(SetFeature(nic(), "rx-gro", false));
}

TEST_F(Veth, AFeatureThatTheDeviceIgnoresIsAnError) {
  EXPECT_THAT(SetFeature(nic(), kNtuple, true),
              FailsWithText(HasSubstr("it is still off, and the device has it fixed")));
}

// Segmentation needs checksums: without them the kernel takes note of the wish and no more.
TEST_F(Veth, AWishThatIsNotFollowedIsAnErrorAndPutBack) {
  ASSERT_OK(AskForFeatures(nic(), {{"tx-tcp-segmentation", false}}));
  ASSERT_OK(SetFeature(nic(), "tx-checksum-ip-generic", false));
  ASSERT_OK_AND_ASSIGN(const NicState found, ReadNicState(nic()));
  NicState wanted = found;
  wanted.features["tx-tcp-segmentation"] = {.active = true, .requested = true};
  DeclaredNic declared(nic(), found);
  EXPECT_THAT(declared.Declare(wanted),
              FailsWithText(HasSubstr("feature tx-tcp-segmentation was on, is off")));
  EXPECT_THAT(ReadNicState(nic()), IsOkAndHolds(found));
  ASSERT_OK(SetFeature(nic(), "tx-checksum-ip-generic", true));
}

TEST_F(Veth, AFeatureThatTheKernelDoesNotKnowIsAnError) {
  const auto feature = GetFeature(nic(), "rx-teleport");
  ASSERT_FALSE(feature.has_value());
  EXPECT_THAT(feature.error().Text(), HasSubstr("this kernel has no such feature"));
}

TEST_F(Veth, WhatTheDeviceDoesNotHaveIsRefused) {
  EXPECT_THAT(GetRss(nic()), FailsWith(EOPNOTSUPP));
  EXPECT_THAT(CreateRssContext(nic(), {0, 1}), FailsWith(EOPNOTSUPP));
  const FlowRule rule{.destination_port = 9999, .action = ToQueue{1}};
  EXPECT_THAT(InsertFlowRule(nic(), rule), FailsWith(EOPNOTSUPP));
  const Status split = SetRings(nic(), {.tcp_data_split = TcpDataSplit::kEnabled});
  ASSERT_FALSE(split.has_value());
  // Before 6.12 the attribute itself is unknown.
  EXPECT_THAT(split.error().code, AnyOf(EOPNOTSUPP, EINVAL));
  EXPECT_THAT(split.error().Text(), HasSubstr("set rings of veth0 (tcp-data-split on)"));
}

TEST_F(VethQueues, HaveNoProvider) {
  const auto queues = GetRxQueues(nic());
  ASSERT_TRUE(queues.has_value()) << queues.error().Text();
  ASSERT_EQ(queues->size(), kQueues);
  for (uint32_t id = 0; id < kQueues; ++id) {
    EXPECT_EQ((*queues)[id].id, id);
    EXPECT_FALSE((*queues)[id].HasProvider()) << id;
  }
  EXPECT_TRUE(WaitForAllProvidersGone(nic(), Soon()).has_value());
  EXPECT_TRUE(WaitForProviderGone(nic(), 0, Soon()).has_value());
}

TEST_F(VethQueues, AreAsManyAsTheChannels) {
  ASSERT_OK(SetChannels(nic(), {.rx = 2}));
  EXPECT_EQ(GetRxQueues(nic()).value_or(std::vector<RxQueue>{}).size(), 2U);
  ASSERT_OK(SetChannels(nic(), {.rx = kQueues}));
}

TEST_F(VethQueues, AQueueThatDoesNotExistIsAnError) {
  EXPECT_EQ(GetRxQueue(nic(), kQueues - 1).value_or(RxQueue{}).id, kQueues - 1);
  EXPECT_THAT(GetRxQueue(nic(), kQueues), FailsWith(EINVAL));
}

TEST_F(Veth, WaitsForTheLink) {
  EXPECT_TRUE(WaitForLink(nic(), Soon()).has_value());
  ASSERT_TRUE(SetAdminUp("veth1", false).has_value());
  const Status no_carrier = WaitForLink(nic(), Deadline::In(50ms));
  EXPECT_THAT(no_carrier, FailsWith(ETIMEDOUT));
  ASSERT_TRUE(SetAdminUp("veth0", false).has_value());
  const Status down = WaitForLink(nic(), Soon());
  ASSERT_FALSE(down.has_value());
  EXPECT_EQ(down.error().code, ENETDOWN);
  EXPECT_THAT(down.error().Text(), HasSubstr("ip link set veth0 up"));
}

}  // namespace
}  // namespace zcrx
