// A veth pair, veth0 and veth1, in a network namespace of the test's own.
#pragma once

#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>

#include "support/nic/link.h"
#include "support/nic/netlink/socket.h"
#include "support/nic/nic.h"

namespace zcrx {

inline constexpr uint32_t kVethQueues = 4;

inline Deadline Soon() { return Deadline::In(std::chrono::seconds(10)); }

inline Status Send(netlink::Request& request) {
  ZCRX_ASSIGN_OR_RETURN(netlink::Socket socket, netlink::Socket::Open(NETLINK_ROUTE));
  ZCRX_RETURN_IF_ERROR(socket.Call(request, Soon()));
  return {};
}

inline Status CreateVethPair() {
  const ifinfomsg header{};
  netlink::Request request("create veth pair", RTM_NEWLINK,
                           NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
  request.Header(&header, sizeof(header))
      .PutText(IFLA_IFNAME, "veth0")
      .PutU32(IFLA_NUM_RX_QUEUES, kVethQueues)
      .PutU32(IFLA_NUM_TX_QUEUES, kVethQueues)
      .BeginNest(IFLA_LINKINFO)
      .PutText(IFLA_INFO_KIND, "veth")
      .BeginNest(IFLA_INFO_DATA)
      .BeginNest(VETH_INFO_PEER)
      .Header(&header, sizeof(header))
      .PutText(IFLA_IFNAME, "veth1")
      .PutU32(IFLA_NUM_RX_QUEUES, kVethQueues)
      .PutU32(IFLA_NUM_TX_QUEUES, kVethQueues)
      .EndNest()
      .EndNest()
      .EndNest();
  return Send(request);
}

inline Status SetAdminUp(const char* name, bool up) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(::if_nametoindex(name));
  header.ifi_flags = up ? IFF_UP : 0;
  header.ifi_change = IFF_UP;
  netlink::Request request(std::string("set up ") + name, RTM_NEWLINK, NLM_F_REQUEST);
  request.Header(&header, sizeof(header));
  return Send(request);
}

class Veth : public testing::Test {
 protected:
  // The process moves once and for all: every test of this program wants the namespace.
  static void SetUpTestSuite() {
    if (moved_) return;  // called for each suite that derives from this one
    moved_ = ::unshare(CLONE_NEWNET) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
    unavailable_ = moved_ ? std::string() : std::string("unshare: ") + ::strerror(errno);
    if (!unavailable_.empty()) return;
    const Status created = CreateVethPair();
    if (created.has_value()) return;
    unavailable_ = created.error().Text();
    // A kernel without veth; anything else is a fault of ours.
    EXPECT_EQ(created.error().code, EOPNOTSUPP) << unavailable_;
  }

  void SetUp() override {
    if (!unavailable_.empty()) GTEST_SKIP() << "no veth in a namespace here: " << unavailable_;
    ASSERT_TRUE(SetAdminUp("veth0", true).has_value());
    ASSERT_TRUE(SetAdminUp("veth1", true).has_value());
    auto nic = Nic::Open("veth0");
    ASSERT_TRUE(nic.has_value()) << nic.error().Text();
    nic_.emplace(std::move(*nic));
  }

  Nic& nic() { return *nic_; }

 private:
  inline static bool moved_ = false;
  inline static std::string unavailable_;
  std::optional<Nic> nic_;
};

}  // namespace zcrx
