// Areas that come while the queue is in use, and registrations that outlive their ring.
#include <chrono>

#include "fixtures/zcrx_test.h"
#include "support/base/pages.h"
#include "support/nic/queues.h"
#include "test/hw/small_area.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

// A segment takes a buffer of its own, and fills a third of a page.
constexpr size_t kBuffersPerPage = 4;
constexpr std::chrono::milliseconds kRingWouldHaveLeft{500};

using ZcrxAreas = SteeredTest;

// The application gives nothing back: all that the second area is for has to arrive there.
TEST_P(ZcrxAreas, ComeWhenTheFirstIsDry) {
  ZCRX_REQUIRE(Capability::kEvents, Capability::kMoreAreas);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue({.small_ring = true}));
  const size_t area = SmallAreaBytes(declared().Standing().rings);
  ReceiverOptions options = ReceiverOn(queue);
  RunDry(area, options);
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, options));
  const uint64_t bytes = 2 * area;
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = bytes}));

  ASSERT_OK(receiver.WaitForEvent(uapi::ZCRX_EVENT_ALLOC_FAIL, IsPayloadOf(Seed()),
                                  Deadline::In(kTransfer)));
  ASSERT_OK(receiver.AddArea({.bytes = kBuffersPerPage * bytes}));
  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender, bytes));
  EXPECT_EQ(received.areas, 2);
  EXPECT_THAT(received, ArrivedInPlace());
}

// io_zcrx_append_area(): the kernel can read all areas of a registration, or none.
TEST_P(ZcrxAreas, OfPagesAndADmabufDoNotMix) {
  ZCRX_REQUIRE(Capability::kDmabufArea, Capability::kMoreAreas);
  constexpr AreaKind kKinds[] = {AreaKind::kPages, AreaKind::kUdmabuf};
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  for (const AreaKind kind : kKinds) {
    ASSERT_OK(queue.WaitUntilFree());
    ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
    ASSERT_OK_AND_ASSIGN(Ifq ifq, Ifq::Register(ring, ReceiverOn(queue, kind).ifq));
    for (const AreaKind other : kKinds) {
      const Status added = ifq.AddArea(ring, {.bytes = 4 * PageBytes(), .kind = other});
      if (other == kind) {
        EXPECT_OK(added);
      } else {
        EXPECT_THAT(added, FailsWith(EINVAL));
      }
    }
  }
}

using ZcrxShared = SteeredTest;

// zcrx_unregister_user(): the queue is closed with the last one who may receive from it.
TEST_P(ZcrxShared, BoxAloneKeepsTheQueue) {
  ZCRX_REQUIRE(Capability::kSharing);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  const ReceiverOptions options = ReceiverOn(queue);
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, options));
  ASSERT_OK_AND_ASSIGN(UniqueFd box, receiver.LeaveRing());
  // A ring leaves its queue some time after it was closed; that time is over.
  EXPECT_THAT(WaitForProviderGone(nic(), queue.Index(), Deadline::In(kRingWouldHaveLeft)),
              FailsWith(ETIMEDOUT));
  EXPECT_THAT(DryRun(options.ifq), FailsWith(EEXIST));
  ASSERT_OK(receiver.EnterRing(box));
  box.Reset();

  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
  EXPECT_THAT(received, ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(, ZcrxAreas, ::testing::Values(kFlowRule), VariantName);
INSTANTIATE_TEST_SUITE_P(, ZcrxShared, ::testing::Values(kFlowRule), VariantName);

}  // namespace
}  // namespace zcrx
