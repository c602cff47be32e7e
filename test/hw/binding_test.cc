// zcrx comes to a queue and leaves it, over and over, and under traffic.
#include <gmock/gmock.h>

#include <chrono>

#include "fixtures/zcrx_test.h"
#include "support/base/wait.h"
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
  // The kernel lets go of an area some time after it has left the queue, so tests before this one
  // may still hold theirs.
  Holdings before;
  const auto settled = [&]() -> Result<bool> {
    ZCRX_ASSIGN_OR_RETURN(before, TakeStock(nic()));
    return before.pinned_kib == 0 && before.leaving_pools == 0;
  };
  ASSERT_OK(Becomes("tests before this one hold nothing", settled, Deadline::In(kProviderLeaves)))
      << before.Text();

  for (int round = 0; round < kBindings; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    ASSERT_OK(DryRun(options));
    ASSERT_OK(queue.WaitUntilFree());
    Holdings after;
    const auto as_before = [&]() -> Result<bool> {
      ZCRX_ASSIGN_OR_RETURN(after, TakeStock(nic()));
      return after == before;
    };
    ASSERT_OK(Becomes("all is given back", as_before, Deadline::In(5s)))
        << "before: " << before.Text() << "\nafter:  " << after.Text();
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
