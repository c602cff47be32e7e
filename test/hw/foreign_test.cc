// A ring gets no data from a queue that is another ring's.
#include <vector>

#include "fixtures/zcrx_test.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using ZcrxForeign = ZcrxTest;

// io_zcrx_recv_frag() in io_uring/zcrx.c: the buffer is not of the request's registration.
TEST_F(ZcrxForeign, DataOfAnotherQueueIsRefused) {
  ZCRX_REQUIRE(Capability::kFlowSteering, Capability::kSpareQueues);
  ASSERT_OK_AND_ASSIGN(std::vector<TargetQueue> queues, ConfigureQueues({.queues = 2}));
  TargetQueue& own = queues.front();
  TargetQueue& foreign = queues.back();
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(ReceiverOn(own)));
  ReceiverOptions elsewhere = ReceiverOn(foreign);
  elsewhere.listen = elsewhere.listen.WithPort(0);
  ASSERT_OK_AND_ASSIGN(const Receiver owner, Receiver::Start(elsewhere));
  ASSERT_OK(foreign.Steer(Steering::kFlowRule, receiver.Endpoint()));
  {
    ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
    EXPECT_THAT(Transfer(receiver, sender), FailsWith(EFAULT));
  }
  ASSERT_OK(foreign.Unsteer());
  ASSERT_OK(TraceAnew());
  ASSERT_OK(own.Steer(Steering::kFlowRule, receiver.Endpoint()));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
  EXPECT_OK(ArrivedInPlace(own, received));
}

}  // namespace
}  // namespace zcrx
