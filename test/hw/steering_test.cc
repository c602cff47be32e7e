// What no rule leads to the queue does not arrive there: not by RSS, not by a rule for another
// port, not by a rule that was deleted. (The kernel copies it then, so that no byte is missing.)
#include <algorithm>
#include <chrono>
#include <memory>

#include "fixtures/zcrx_test.h"
#include "support/net/background_receiver.h"
#include "support/nic/channels.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kShortBytes = 4096;
// Of flows that a NIC spreads over all its queues, so many miss one of them once in e^4 = 55 times,
// and the least number once in 10000 times where there are four.
constexpr uint32_t kFlowsPerQueue = 4;
constexpr uint32_t kLeastFlows = 32;

using ZcrxSteering = SteeredTest;

TEST_P(ZcrxSteering, LeadsNoOtherFlowToTheQueue) {
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(const Channels channels, GetChannels(nic()));
  const uint32_t flows = std::max(kLeastFlows, kFlowsPerQueue * channels.RxQueues());
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(ReceiverOn(queue)));
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<BackgroundReceiver> other,
      BackgroundReceiver::Listen(bed().ListenAddress().WithPort(0), IsPayloadOf(Seed())));
  ASSERT_OK(queue.Steer(GetParam().steering, other->Endpoint()));
  ASSERT_OK_AND_ASSIGN(
      Sender sender,
      Send(receiver, {.bytes = kShortBytes, .send_size = kShortBytes, .times = flows}));

  for (uint32_t flow = 0; flow < flows; ++flow) {
    SCOPED_TRACE(fmt::format("flow {} of {}", flow + 1, flows));
    ASSERT_OK(receiver.Collect(kShortBytes, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
  }
  ASSERT_OK(sender.Finish(Deadline::In(5s)));
  EXPECT_THAT(receiver.Total(), CameByOtherQueues());
}

TEST_P(ZcrxSteering, EndsWithItsRule) {
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue));
  {
    ASSERT_OK_AND_ASSIGN(Sender sender,
                         Send(receiver, {.bytes = kShortBytes, .send_size = kShortBytes}));
    ASSERT_OK_AND_ASSIGN(const Received steered, Transfer(receiver, sender, kShortBytes));
    EXPECT_THAT(steered, ArrivedInPlace());
  }
  ASSERT_OK(queue.Unsteer());
  ASSERT_OK(TraceAnew());
  ASSERT_OK(queue.Steer(Steering::kNone, receiver.Endpoint()));
  ASSERT_OK_AND_ASSIGN(Sender sender,
                       Send(receiver, {.bytes = kShortBytes, .send_size = kShortBytes}));
  ASSERT_OK_AND_ASSIGN(const Received after, Transfer(receiver, sender, kShortBytes));
  EXPECT_THAT(after, CameByOtherQueues());
}

// Buffers that the kernel copied to come back by the same ring as those that the NIC wrote to
// (zcrx_put_refill_niov() in io_uring/zcrx.c).
TEST_P(ZcrxSteering, MayChangeInMidStream) {
  ZCRX_REQUIRE(Capability::kEvents);
  constexpr uint64_t kLeg = kStreamBytes;
  constexpr uint64_t kLegs = 4;
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue({.small_ring = true}));
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = kLegs * kLeg}));
  ASSERT_OK(receiver.Accept(kLegs * kLeg, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
  for (uint64_t leg = 1; leg < kLegs; ++leg) {
    ASSERT_OK(receiver.Reach(leg * kLeg, Deadline::In(kTransfer)));
    if (leg % 2 == 1) {
      ASSERT_OK(queue.Unsteer());
    } else {
      ASSERT_OK(queue.Steer(GetParam().steering, receiver.Endpoint()));
    }
  }
  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender, kLegs * kLeg));
  ASSERT_TRUE(received.stats.has_value());
  EXPECT_GT(received.stats->copy_bytes, 0) << "all of it came by the queue";
  EXPECT_LT(received.stats->copy_bytes, kLegs * kLeg) << "none of it came by the queue";
}

INSTANTIATE_TEST_SUITE_P(, ZcrxSteering, ::testing::Values(kFlowRule, kRssContext), VariantName);

}  // namespace
}  // namespace zcrx
