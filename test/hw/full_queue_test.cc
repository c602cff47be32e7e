// A completion queue that is too small ends the multishot request (ENOSPC), and loses nothing.
#include "fixtures/zcrx_test.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

constexpr unsigned kCompletions = 4;
// More than four completions hold, each of which is a buffer at most.
constexpr int kQueuedBytes = 64 << 10;

using ZcrxFullQueue = SteeredTest;

TEST_P(ZcrxFullQueue, LosesNothing) {
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ReceiverOptions options = ReceiverOn(queue);
  options.cq_entries = kCompletions;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, options));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
  ASSERT_OK(receiver.Accept(kStreamBytes, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
  ASSERT_OK(receiver.WaitUntilQueued(kQueuedBytes, Deadline::In(kTransfer)));

  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
  EXPECT_GT(received.queue_full, 0U) << "the completion queue was never full";
  EXPECT_EQ(received.requests, received.queue_full + 1);
  EXPECT_THAT(received, ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(, ZcrxFullQueue, ::testing::Values(kFlowRule), VariantName);

}  // namespace
}  // namespace zcrx
