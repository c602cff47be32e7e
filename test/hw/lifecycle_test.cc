// The device is set up anew, or goes down, under a queue with zcrx.
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "fixtures/zcrx_test.h"
#include "support/base/wait.h"
#include "support/nic/absence.h"
#include "support/nic/addresses.h"
#include "support/nic/channels.h"
#include "support/nic/link.h"
#include "support/nic/rings.h"
#include "test/hw/holdings.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;

constexpr uint64_t kHalf = 50'000;
constexpr std::chrono::seconds kLinkReturns{10};
constexpr std::chrono::seconds kRingLeaves{5};
constexpr uint32_t kLeastMtu = 1280;  // of IPv6
constexpr uint32_t kOtherMtu = 200;   // less than declared

Status SetUpOrDown(Nic& nic, bool up) {
  ZCRX_RETURN_IF_ERROR(SetAdminUp(nic, up));
  return up ? WaitUntilReachable(nic, Deadline::In(kLinkReturns)) : Status();
}

struct Change {
  std::string name;
  std::vector<Capability> needs;
  // Sets the NIC up otherwise than declared, before zcrx comes to `queue`.
  std::function<Status(Nic& nic, const NicState& declared, uint32_t queue)> prepare;
  // Sets it up as declared.
  std::function<Status(Nic& nic, const NicState& declared)> change;

  friend void PrintTo(const Change& change, std::ostream* out) { *out << change.name; }
};

class ZcrxLifecycle : public ZcrxTest {
 protected:
  // The addresses stay when the link goes down, and so do connections and later tests.
  Result<TargetQueue> ConfigureQueueToGoDown() {
    ZCRX_ASSIGN_OR_RETURN(TargetQueue queue, ConfigureQueue());
    NicState kept = declared().Standing();
    if (kept.keep_addr_on_down) kept.keep_addr_on_down = 1;
    ZCRX_RETURN_IF_ERROR(declared().Declare(kept));
    return queue;
  }
};

class ZcrxLifecycleStream : public ZcrxLifecycle, public ::testing::WithParamInterface<Change> {};

// The driver makes its rings anew, also the one that zcrx feeds (page_pool_create() asks for the
// provider that the queue has). The flow's rule stays.
TEST_P(ZcrxLifecycleStream, GoesOn) {
  ZCRX_REQUIRE(Capability::kFlowSteering, Capability::kSpareQueues, GetParam().needs);
  ASSERT_OK_AND_ASSIGN(std::vector<TargetQueue> queues, ConfigureQueues({.queues = 2}));
  TargetQueue& queue = queues.front();
  NicState kept = declared().Standing();
  if (kept.keep_addr_on_down) kept.keep_addr_on_down = 1;
  ASSERT_OK(declared().Declare(kept));
  ASSERT_OK(GetParam().prepare(nic(), kept, queue.Index()));
  ASSERT_OK(WaitUntilReachable(nic(), Deadline::In(kLinkReturns)));
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, Steering::kFlowRule, ReceiverOn(queue)));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = 2 * kHalf, .pause_after = kHalf}));
  ASSERT_OK(receiver.Accept(2 * kHalf, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
  ASSERT_OK(receiver.Reach(kHalf, Deadline::In(kTransfer)));

  ASSERT_OK(GetParam().change(nic(), kept));
  ASSERT_OK(WaitUntilReachable(nic(), Deadline::In(kLinkReturns)));
  ASSERT_OK(TraceAnew());
  queue.CountAnew();
  ASSERT_EQ(send(receiver.Connection().Get(), "!", 1, MSG_NOSIGNAL), 1)
      << strerror(errno);  // the sender goes on
  ASSERT_OK_AND_ASSIGN(Received received, Transfer(receiver, sender, 2 * kHalf));
  received.bytes -= kHalf;
  EXPECT_OK(ArrivedInPlace(queue, received));
}

Status Nothing(Nic& /*nic*/, const NicState& /*declared*/, uint32_t /*queue*/) { return {}; }

Status OtherRing(Nic& nic, const NicState& declared, uint32_t /*queue*/) {
  const uint32_t rx = declared.rings.rx.value_or(0);
  return SetRings(nic, {.rx = rx > kSmallRing ? rx / 2 : rx * 2});
}
Status DeclaredRing(Nic& nic, const NicState& declared) {
  return SetRings(nic, {.rx = declared.rings.rx});
}

// A longer one while packets come: what the peer sends by the old one still fits.
Status SmallerMtu(Nic& nic, const NicState& declared, uint32_t /*queue*/) {
  return SetMtu(nic, std::max(kLeastMtu, declared.mtu - kOtherMtu));
}
Status DeclaredMtu(Nic& nic, const NicState& declared) { return SetMtu(nic, declared.mtu); }

Status DownAndUp(Nic& nic, const NicState& /*declared*/) {
  ZCRX_RETURN_IF_ERROR(SetUpOrDown(nic, false));
  return SetUpOrDown(nic, true);
}

Status FewerChannels(Nic& nic, const NicState& /*declared*/, uint32_t queue) {
  ZCRX_ASSIGN_OR_RETURN(const Channels channels, GetChannels(nic));
  ZCRX_ASSIGN_OR_RETURN(const ChannelsChange fewer, ChangeForRxQueues(channels, queue + 1));
  return SetChannels(nic, fewer);
}
Status DeclaredChannels(Nic& nic, const NicState& declared) {
  ZCRX_ASSIGN_OR_RETURN(const Channels channels, GetChannels(nic));
  ZCRX_ASSIGN_OR_RETURN(const ChannelsChange more,
                        ChangeForRxQueues(channels, declared.channels.RxQueues()));
  return SetChannels(nic, more);
}

// __dev_change_net_namespace() in net/core/dev.c closes the device, which keeps its queues'
// providers. Its number is free again when it comes back, so zcrx_register_netdev() finds it.
Status AwayAndBack(Nic& nic, const NicState& declared) {
  IfqOptions options;
  options.ifindex = nic.Index();
  ZCRX_ASSIGN_OR_RETURN(Absence absence, Absence::ByMoving(nic));
  const Status there = DryRun(options);
  ZCRX_RETURN_IF_ERROR(absence.End());
  if (declared.keep_addr_on_down) {  // of the namespace, not of the device
    ZCRX_RETURN_IF_ERROR(SetKeepAddrOnDown(nic.Name(), *declared.keep_addr_on_down));
  }
  if (nic.Index() != options.ifindex) return Fail("find the NIC by its number", ENODEV);
  if (!there && there.error().code == ENODEV) return {};
  return Fail("register with a NIC of another namespace", 0,
              there ? "it is found there" : there.error().Text());
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxLifecycleStream,
    ::testing::Values(Change{"ring_size", {}, OtherRing, DeclaredRing},
                      Change{"mtu", {Capability::kDisruption}, SmallerMtu, DeclaredMtu},
                      Change{"link_down_up", {Capability::kDisruption}, Nothing, DownAndUp},
                      Change{"channels_added", {}, FewerChannels, DeclaredChannels},
                      Change{"namespace",
                             {Capability::kDisruption, Capability::kRemoval,
                              Capability::kUserNamespaces},
                             Nothing,
                             AwayAndBack}),
    [](const auto& info) { return info.param.name; });

// __netif_mp_close_rxq() in net/core/netdev_rx_queue.c warns if the driver cannot restart the queue
// for another reason than ENETDOWN.
TEST_F(ZcrxLifecycle, RingClosesWhileTheLinkIsDown) {
  ZCRX_REQUIRE(Capability::kDisruption);
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueueToGoDown());
  ASSERT_OK(TakeStockAtRest(nic()));
  {
    ASSERT_OK_AND_ASSIGN(const Receiver receiver, Receiver::Start(ReceiverOn(queue)));
    ASSERT_OK(SetUpOrDown(nic(), false));
  }
  const auto released = [&]() -> Result<bool> {
    ZCRX_ASSIGN_OR_RETURN(const Holdings now, TakeStock(nic()));
    return now.process.pinned_kib == 0;
  };
  EXPECT_OK(Becomes("the ring's area is released", released, Deadline::In(kRingLeaves)));
  ASSERT_OK(SetUpOrDown(nic(), true));
  EXPECT_OK(DryRun(ReceiverOn(queue).ifq));
}

// ndo_queue_mem_alloc() may be called while the device is closed (include/net/netdev_queues.h). Of
// a driver that cannot, the core knows ENETDOWN alone as the reason (__netif_mp_close_rxq()).
TEST_F(ZcrxLifecycle, LinkThatIsDownSaysSoOrTakesARing) {
  ZCRX_REQUIRE(Capability::kDisruption);
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueueToGoDown());
  ASSERT_OK(SetUpOrDown(nic(), false));
  const Status down = DryRun(ReceiverOn(queue).ifq);
  ASSERT_OK(SetUpOrDown(nic(), true));
  EXPECT_THAT(down, AnyOf(IsOk(), FailsWith(ENETDOWN)));
  ASSERT_OK(queue.WaitUntilFree());
  EXPECT_OK(DryRun(ReceiverOn(queue).ifq));
}

using ZcrxRemoval = ZcrxTest;

// dev_memory_provider_uninstall() in net/core/dev.c and io_pp_uninstall() in io_uring/zcrx.c: the
// driver does not wait for the ring, nor the ring for the driver, and neither keeps anything of the
// other's.
TEST_F(ZcrxRemoval, DriverIsUnboundUnderARing) {
  ZCRX_REQUIRE(Capability::kDisruption, Capability::kRemoval, Capability::kFlowSteering);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(const Holdings before, TakeStockAtRest(nic()));
  {
    ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, Steering::kFlowRule, ReceiverOn(queue)));
    ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = kEndless}));
    ASSERT_OK(receiver.Accept(kEndless, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
    ASSERT_OK(receiver.Reach(kHalf, Deadline::In(kTransfer)));

    ASSERT_OK_AND_ASSIGN(Absence absence, Absence::ByUnbinding(nic()));
    EXPECT_THAT(DryRun(ReceiverOn(queue).ifq), FailsWith(ENODEV));
    if (Ask(Capability::kMoreAreas).kind == Answer::Kind::kPresent) {
      EXPECT_THAT(receiver.AddArea({}), FailsWith(EFAULT)) << "there is no device to map it for";
    }
    ASSERT_OK(absence.End());
    EXPECT_THAT(declared().PutRight().errors, ::testing::IsEmpty());
  }
  ASSERT_OK(queue.Unsteer());
  EXPECT_OK(BecomesAgain(nic(), before));

  ASSERT_OK(WaitUntilReachable(nic(), Deadline::In(kLinkReturns)));
  ASSERT_OK(TraceAnew());
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, Steering::kFlowRule, ReceiverOn(queue)));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
  EXPECT_OK(ArrivedInPlace(queue, received));
}

}  // namespace
}  // namespace zcrx
