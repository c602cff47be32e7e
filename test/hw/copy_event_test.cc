// The kernel copies what does not arrive through the queue, and says so.
#include <cerrno>

#include "fixtures/zcrx_test.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

constexpr uint32_t kShortBytes = 16384;

const SteeringVariant kNoFlowRule = {"no_flow_rule", Steering::kNone, {Capability::kEvents}};

using ZcrxCopyEvent = SteeredTest;

TEST_P(ZcrxCopyEvent, FiresAndCountsWhenTrafficMissesTheQueue) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive());
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));

  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));

  // The event may be a round behind the last data.
  ASSERT_OK_AND_ASSIGN(
      const Received told,
      receiver.WaitForEvent(uapi::ZCRX_EVENT_COPY, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
  // Once, although many copies followed: it fires again only when armed again.
  EXPECT_EQ(told.events[uapi::ZCRX_EVENT_COPY], 1U);
  EXPECT_THAT(received, CameByOtherQueues());
  ASSERT_TRUE(received.stats.has_value());
  // Header split is on for every queue, so all payload is in fragments, and all was copied.
  EXPECT_EQ(received.stats->copy_bytes, kStreamBytes);
  // A copied fragment is one completion, or several where it is longer than a chunk.
  EXPECT_GE(received.stats->copy_count, 1U);
  EXPECT_LE(received.stats->copy_count, received.completions);
}

// A stream's event may be a round behind its last data, but not behind the next stream.
TEST_P(ZcrxCopyEvent, FiresAgainOnlyOnceArmed) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive());
  EXPECT_THAT(receiver.ArmEvent(uapi::ZCRX_EVENT_COPY), FailsWith(EINVAL))
      << "it has not fired yet";

  for (uint64_t fired = 1; fired <= 2; ++fired) {
    Received received;
    for (int stream = 0; stream < 2; ++stream) {
      ASSERT_OK_AND_ASSIGN(Sender sender,
                           Send(receiver, {.bytes = kShortBytes, .send_size = kShortBytes}));
      ASSERT_OK_AND_ASSIGN(received, Transfer(receiver, sender, kShortBytes));
    }
    EXPECT_EQ(received.events[uapi::ZCRX_EVENT_COPY], fired);
    EXPECT_OK(receiver.ArmEvent(uapi::ZCRX_EVENT_COPY));
    EXPECT_THAT(receiver.ArmEvent(uapi::ZCRX_EVENT_COPY), FailsWith(EINVAL))
        << "it is armed already";
  }
  EXPECT_THAT(receiver.Total(), CameByOtherQueues());
}

using ZcrxCopyRefusal = ZcrxTest;

// io_alloc_fallback_niov() in io_uring/zcrx.c: the kernel cannot write to a dmabuf.
TEST_F(ZcrxCopyRefusal, OfADmabufAsIfItWereDry) {
  ZCRX_REQUIRE(Capability::kDmabufArea);
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(ReceiverOn(queue, AreaKind::kUdmabuf)));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
  EXPECT_THAT(Transfer(receiver, sender), FailsWith(ENOMEM));
  EXPECT_EQ(receiver.Total().completions, 0);
}

INSTANTIATE_TEST_SUITE_P(, ZcrxCopyEvent, ::testing::Values(kNoFlowRule), VariantName);

}  // namespace
}  // namespace zcrx
