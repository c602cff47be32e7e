// A ring gets no data from a queue that is another ring's.
#include <cerrno>
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

TEST_F(ZcrxForeign, DataThatWasRefusedIsStillItsOwners) {
  ZCRX_REQUIRE(Capability::kFlowSteering, Capability::kSpareQueues);
  ASSERT_OK_AND_ASSIGN(std::vector<TargetQueue> queues, ConfigureQueues({.queues = 2}));
  TargetQueue& queue = queues.front();
  ASSERT_OK_AND_ASSIGN(Receiver owner, Receive(queue, Steering::kFlowRule, ReceiverOn(queue)));
  ASSERT_OK_AND_ASSIGN(Ring ring, Ring::Create(1, 2));
  ASSERT_OK_AND_ASSIGN(const Ifq foreign, Ifq::Register(ring, ReceiverOn(queues.back()).ifq));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(owner));
  ASSERT_OK(owner.Accept(kStreamBytes, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
  ASSERT_OK(owner.WaitUntilQueued(1, Deadline::In(kTransfer)));

  ASSERT_OK_AND_ASSIGN(io_uring_sqe* const sqe, ring.NextSqe());
  PrepareReceive(*sqe, owner.Connection().Get(), foreign.Id(), 0, 1);
  ASSERT_OK_AND_ASSIGN(const Completion refused, ring.Next(Deadline::In(kTransfer)));
  EXPECT_EQ(refused.res, -EFAULT);
  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(owner, sender));
  EXPECT_OK(ArrivedInPlace(queue, received));
}

}  // namespace
}  // namespace zcrx
