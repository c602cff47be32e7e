// The control of the tests of both events: nothing fires when there is nothing to tell.
#include "fixtures/zcrx_test.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using ZcrxEvents = SteeredTest;

TEST_P(ZcrxEvents, StaySilentWhileEverythingArrivesInPlace) {
  ZCRX_REQUIRE(Capability::kEvents);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));

  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
  EXPECT_THAT(received, ArrivedInPlace());
  EXPECT_EQ(received.events[uapi::ZCRX_EVENT_COPY], 0U);
  EXPECT_EQ(received.events[uapi::ZCRX_EVENT_ALLOC_FAIL], 0U);
  ASSERT_TRUE(received.stats.has_value());
  EXPECT_EQ(received.stats->copy_count, 0U);
  EXPECT_EQ(received.stats->copy_bytes, 0U);
}

INSTANTIATE_TEST_SUITE_P(, ZcrxEvents, ::testing::Values(kFlowRule, kRssContext), VariantName);

}  // namespace
}  // namespace zcrx
