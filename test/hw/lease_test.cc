// A queue that a virtual device has on lease (netkit): zcrx is registered there, and gets the
// NIC's.
#include <gmock/gmock.h>

#include <optional>

#include "fixtures/bed/probes.h"
#include "fixtures/zcrx_test.h"
#include "support/kernel/xdp.h"
#include "support/nic/queue_lease.h"
#include "support/nic/queues.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class LeaseTest : public ZcrxTest {
 protected:
  void SetUp() override {
    ZcrxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ZCRX_REQUIRE(Capability::kQueueLeases, Capability::kFlowSteering);
  }
  static Result<QueueLease> Lease(const TargetQueue& queue) {
    return QueueLease::Create(nic(), queue.Index());
  }
  // As ReceiverOn(), by the lease.
  static ReceiverOptions By(const QueueLease& lease, const TargetQueue& queue) {
    ReceiverOptions options = ReceiverOn(queue);
    options.ifq.ifindex = lease.Index();
    options.ifq.queue = lease.Queue();
    return options;
  }
  static Result<Receiver> Receive(TargetQueue& queue, const ReceiverOptions& options) {
    return ZcrxTest::Receive(queue, Steering::kFlowRule, options);
  }
};

struct LeaseVariant {
  std::string name;
  uint32_t pages;  // of a buffer
  std::vector<Capability> needs;

  friend void PrintTo(const LeaseVariant& variant, std::ostream* out) { *out << variant.name; }
};

class ZcrxLeaseStream : public LeaseTest, public ::testing::WithParamInterface<LeaseVariant> {};

TEST_P(ZcrxLeaseStream, DeliversEveryByteInOrder) {
  ZCRX_REQUIRE(GetParam().needs);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(const QueueLease lease, Lease(queue));
  ReceiverOptions options = By(lease, queue);
  if (GetParam().pages > 1) {
    options.ifq.area.kind = AreaKind::kHugePages;
    options.ifq.rx_buf_len = LargeChunkBytes(GetParam().pages);
    ASSERT_OK(declared().ReserveHugePages(options.ifq.area.bytes / kHugePageBytes));
  }
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, options));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
  EXPECT_THAT(received, ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(, ZcrxLeaseStream,
                         ::testing::Values(LeaseVariant{"flow_rule", 1, {}},
                                           LeaseVariant{
                                               "flow_rule_2_pages", 2, {Capability::kLargeChunks}}),
                         [](const auto& info) { return info.param.name; });

using ZcrxLease = LeaseTest;

TEST_F(ZcrxLease, IsShownByTheQueue) {
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  {
    ASSERT_OK_AND_ASSIGN(const QueueLease lease, Lease(queue));
    ASSERT_OK_AND_ASSIGN(const Receiver receiver, Receiver::Start(By(lease, queue)));
    ASSERT_OK_AND_ASSIGN(const RxQueue own, GetRxQueue(nic(), queue.Index()));
    EXPECT_EQ(own.lessee, lease.Index());
    EXPECT_TRUE(own.io_uring);
  }
  ASSERT_OK_AND_ASSIGN(const RxQueue own, GetRxQueue(nic(), queue.Index()));
  EXPECT_EQ(own.lessee, std::nullopt);
  EXPECT_FALSE(own.io_uring);
}

// netdev_queue_get_dma_dev() in net/core/netdev_queues.c: by its own device a queue on lease has no
// memory, and neither has a queue of the virtual device that is not on lease.
TEST_F(ZcrxLease, TakesTheQueueFromItsDevice) {
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  const IfqOptions own = ReceiverOn(queue).ifq;
  {
    ASSERT_OK_AND_ASSIGN(const QueueLease lease, Lease(queue));
    EXPECT_THAT(DryRun(own), FailsWith(EOPNOTSUPP));
    IfqOptions by_lease = By(lease, queue).ifq;
    by_lease.queue = 0;
    EXPECT_THAT(DryRun(by_lease), FailsWith(EOPNOTSUPP));
    by_lease.queue = lease.Queue();
    EXPECT_OK(DryRun(by_lease));
    ASSERT_OK(queue.WaitUntilFree());
  }
  EXPECT_OK(DryRun(own));
}

// netdev_queue_busy() in net/core/netdev_queues.c.
TEST_F(ZcrxLease, IsOfAFreeQueueOnly) {
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  {
    ASSERT_OK_AND_ASSIGN(const Receiver receiver, Receiver::Start(ReceiverOn(queue)));
    EXPECT_THAT(Lease(queue),
                AllOf(FailsWith(EBUSY), FailsWithText(HasSubstr("in use by memory provider"))));
  }
  ASSERT_OK(queue.WaitUntilFree());
  EXPECT_OK(Lease(queue));
}

// netif_rxq_cleanup_unlease() in net/core/netdev_rx_queue.c and io_pp_uninstall() in
// io_uring/zcrx.c: the queue is the NIC's again at once, and the ring keeps its connection, whose
// data is copied from then on.
TEST_F(ZcrxLease, EndsUnderARing) {
  constexpr uint64_t kBytes = 4 * kStreamBytes;
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  {
    ASSERT_OK_AND_ASSIGN(QueueLease lease, Lease(queue));
    ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, By(lease, queue)));
    ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = kBytes}));
    ASSERT_OK(receiver.Accept(kBytes, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
    ASSERT_OK(receiver.Reach(kStreamBytes, Deadline::In(kTransfer)));
    ASSERT_OK(lease.End());

    ASSERT_OK_AND_ASSIGN(const RxQueue own, GetRxQueue(nic(), queue.Index()));
    EXPECT_FALSE(own.io_uring);
    if (Ask(Capability::kMoreAreas).kind == Answer::Kind::kPresent) {
      EXPECT_THAT(receiver.AddArea({}), FailsWith(EFAULT)) << "there is no device to map it for";
    }
    ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender, kBytes));
    EXPECT_EQ(received.bytes, kBytes);
    if (received.stats) {
      EXPECT_GT(received.stats->copy_bytes, 0);
    } else {
      RecordProperty("copies", "not counted by this kernel");
    }
  }
  ASSERT_OK(queue.Unsteer());
  ASSERT_OK(TraceAnew());
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, ReceiverOn(queue)));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
  EXPECT_OK(ArrivedInPlace(queue, received));
}

using ZcrxLeaseXdp = LeaseTest;

// dev_xdp_install() in net/core/dev.c, as without a lease. ZcrxBoundXdp shows that the device takes
// the program otherwise.
TEST_F(ZcrxLeaseXdp, DeviceTakesNoProgram) {
  ZCRX_REQUIRE(Capability::kXdp);
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(const QueueLease lease, Lease(queue));
  ASSERT_OK_AND_ASSIGN(const Receiver receiver, Receiver::Start(By(lease, queue)));
  EXPECT_THAT(XdpProgram::Attach(nic().Index(), XdpMode::kGeneric), FailsWith(EBUSY));
}

}  // namespace
}  // namespace zcrx
