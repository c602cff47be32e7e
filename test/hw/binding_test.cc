// zcrx comes to a queue and leaves it, over and over, and under traffic.
#include <gmock/gmock.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "fixtures/zcrx_test.h"
#include "support/nic/queues.h"
#include "test/hw/holdings.h"
#include "test/hw/small_area.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Field;
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

// netdev_nl_page_pool_event() in net/core/page_pool_user.c: to all who listen, with its provider.
TEST_F(ZcrxBinding, PagePoolIsAnnounced) {
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  ASSERT_OK(TakeStockAtRest(nic()));
  ASSERT_OK_AND_ASSIGN(PagePoolNews news, PagePoolNews::Listen(nic()));
  const auto is_ours = [](const PagePool& pool) {
    return pool.io_uring && pool.ifindex == nic().Index();
  };
  uint64_t id = 0;
  {
    ASSERT_OK_AND_ASSIGN(const Receiver receiver, Receiver::Start(ReceiverOn(queue)));
    ASSERT_OK_AND_ASSIGN(const PagePool pool, news.Next(PagePoolNews::Kind::kCame, is_ours,
                                                        Deadline::In(kProviderLeaves)));
    id = pool.id;
    ASSERT_OK_AND_ASSIGN(const std::vector<PagePool> pools, GetPagePools(nic()));
    EXPECT_THAT(pools, Contains(AllOf(Field(&PagePool::id, id), Field(&PagePool::io_uring, true))));
  }
  EXPECT_OK(news.Next(
      PagePoolNews::Kind::kWent, [id](const PagePool& pool) { return pool.id == id; },
      Deadline::In(kProviderLeaves)));
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
