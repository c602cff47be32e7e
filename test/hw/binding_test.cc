// zcrx comes to a queue and leaves it, over and over, and under traffic.
#include <gmock/gmock.h>

#include <chrono>

#include "fixtures/zcrx_test.h"
#include "support/nic/queues.h"
#include "test/hw/holdings.h"
#include "test/hw/small_area.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr int kBindings = 50;
constexpr int kBroken = 3;
constexpr uint64_t kUnderWay = uint64_t{256} << 10;

using ZcrxBinding = ZcrxTest;

TEST_F(ZcrxBinding, LeavesNothingBehindAfterFiftyRounds) {
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue({.small_ring = true}));
  const size_t area = SmallAreaBytes(declared().Standing().rings);
  const size_t huge_pages = (area + kHugePageBytes - 1) / kHugePageBytes;
  ASSERT_OK(declared().ReserveHugePages(huge_pages));
  IfqOptions options = ReceiverOn(queue).ifq;
  options.area = {.bytes = huge_pages * kHugePageBytes, .kind = AreaKind::kHugePages};
  // What copies the sender to the peer meanwhile has descriptors, too.
  ASSERT_OK(bed().SenderPath(Deadline::In(kTransfer)));
  ASSERT_OK_AND_ASSIGN(const Holdings before, TakeStockAtRest(nic()));

  for (int round = 0; round < kBindings; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    ASSERT_OK(DryRun(options));
    ASSERT_OK(queue.WaitUntilFree());
    ASSERT_OK(BecomesAgain(nic(), before));
  }
}

using ZcrxTeardown = SteeredTest;

TEST_P(ZcrxTeardown, EndsAStreamUnderWay) {
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  for (int round = 0; round < kBroken; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue));
    ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = kEndless}));
    ASSERT_OK(receiver.Accept(kEndless, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
    ASSERT_OK(receiver.Reach(kUnderWay, Deadline::In(kTransfer)));
    {
      const Receiver gone = std::move(receiver);
    }
    ASSERT_OK(queue.WaitUntilFree());
    EXPECT_THAT(sender.Finish(Deadline::In(5s)),
                FailsWithText(AnyOf(HasSubstr("ECONNRESET"), HasSubstr("EPIPE"))));
  }
  // The queue is as good as new.
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
  EXPECT_THAT(received, ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(, ZcrxTeardown, ::testing::Values(kFlowRule), VariantName);

}  // namespace
}  // namespace zcrx
