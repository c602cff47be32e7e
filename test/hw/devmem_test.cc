// Devmem and zcrx on a queue: whichever comes second is refused.
#include "support/nic/devmem.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <vector>

#include "fixtures/zcrx_test.h"

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ZcrxDevmem : public ZcrxTest {
 protected:
  // Binds and unbinds it.
  static Status Try(const TargetQueue& queue, const Area& area) {
    ZCRX_ASSIGN_OR_RETURN(Nic binder, Nic::Open(nic().Name()));
    return BindDevmem(binder, queue.Index(), area.Dmabuf());
  }
};

// __netif_mp_open_rxq() in net/core/netdev_rx_queue.c, for both.
TEST_F(ZcrxDevmem, IsRefusedByAQueueWithZcrx) {
  ZCRX_REQUIRE(Capability::kDevmem);
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(const Area area, Area::Allocate(AreaOptions().bytes, AreaKind::kUdmabuf));
  {
    ASSERT_OK_AND_ASSIGN(const Receiver receiver, Receiver::Start(ReceiverOn(queue)));
    EXPECT_THAT(Try(queue, area),
                AllOf(FailsWith(EEXIST),
                      FailsWithText(HasSubstr("designated queue already memory provider bound"))));
  }
  ASSERT_OK(queue.WaitUntilFree());
  EXPECT_OK(Try(queue, area));
}

TEST_F(ZcrxDevmem, KeepsZcrxFromItsQueue) {
  ZCRX_REQUIRE(Capability::kDevmem);
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(const Area area, Area::Allocate(AreaOptions().bytes, AreaKind::kUdmabuf));
  const IfqOptions options = ReceiverOn(queue).ifq;
  {
    ASSERT_OK_AND_ASSIGN(Nic binder, Nic::Open(nic().Name()));
    ASSERT_OK(BindDevmem(binder, queue.Index(), area.Dmabuf()));
    EXPECT_THAT(DryRun(options), FailsWith(EEXIST));
  }
  ASSERT_OK(queue.WaitUntilFree());
  EXPECT_OK(DryRun(options));
}

// io_zcrx_recv_frag() in io_uring/zcrx.c: the buffers have another provider.
TEST_F(ZcrxDevmem, DataOfItsQueueIsRefusedToARing) {
  ZCRX_REQUIRE(Capability::kDevmem, Capability::kFlowSteering, Capability::kSpareQueues);
  ASSERT_OK_AND_ASSIGN(std::vector<TargetQueue> queues, ConfigureQueues({.queues = 2}));
  TargetQueue& foreign = queues.back();
  ASSERT_OK_AND_ASSIGN(const Area area, Area::Allocate(AreaOptions().bytes, AreaKind::kUdmabuf));
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(ReceiverOn(queues.front())));
  ASSERT_OK(foreign.Steer(Steering::kFlowRule, receiver.Endpoint()));
  ASSERT_OK_AND_ASSIGN(Nic binder, Nic::Open(nic().Name()));
  ASSERT_OK(BindDevmem(binder, foreign.Index(), area.Dmabuf()));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
  EXPECT_THAT(Transfer(receiver, sender), FailsWith(EFAULT));
}

}  // namespace
}  // namespace zcrx
