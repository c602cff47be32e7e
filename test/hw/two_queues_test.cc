// Two queues, each with a ring and an area of its own, at the same time.
#include <vector>

#include "fixtures/zcrx_test.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

constexpr uint64_t kAtATime = kStreamBytes / 16;

using ZcrxTwoQueues = SteeredTest;

TEST_P(ZcrxTwoQueues, DeliverEveryByteInOrder) {
  ZCRX_REQUIRE(Capability::kSpareQueues);
  ASSERT_OK_AND_ASSIGN(std::vector<TargetQueue> queues, ConfigureQueues({.queues = 2}));
  std::vector<Receiver> receivers;
  for (TargetQueue& queue : queues) {
    ReceiverOptions options = ReceiverOn(queue);
    if (!receivers.empty()) options.listen = options.listen.WithPort(0);
    ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, options));
    receivers.push_back(std::move(receiver));
  }
  std::vector<Sender> senders;
  for (Receiver& receiver : receivers) {
    const uint64_t seed = Seed() + senders.size();
    ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = kStreamBytes, .seed = seed}));
    senders.push_back(std::move(sender));
    ASSERT_OK(receiver.Accept(kStreamBytes, IsPayloadOf(seed), Deadline::In(kTransfer)));
  }

  for (uint64_t reach = kAtATime; reach < kStreamBytes; reach += kAtATime) {
    for (Receiver& receiver : receivers) ASSERT_OK(receiver.Reach(reach, Deadline::In(kTransfer)));
  }
  for (size_t i = 0; i < queues.size(); ++i) {
    SCOPED_TRACE(fmt::format("queue {}", queues[i].Index()));
    EXPECT_OK(TransferAll(receivers[i], std::span(&senders[i], 1)));
    EXPECT_OK(ArrivedInPlace(queues[i], receivers[i].Total()));
  }
}

INSTANTIATE_TEST_SUITE_P(, ZcrxTwoQueues, ::testing::Values(kFlowRule, kRssContext), VariantName);

}  // namespace
}  // namespace zcrx
