// How streams end, one after the other on one registration.
#include <gmock/gmock.h>

#include <vector>

#include "fixtures/zcrx_test.h"
#include "test/hw/small_area.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

constexpr int kResets = 3;
constexpr uint64_t kCutShort = uint64_t{1} << 20;  // its last part is still with the sender then
// A few packets. A request takes 20 of them at a time (IO_SKBS_PER_CALL_LIMIT in io_uring/zcrx.c);
// where it has to go on for more after a reset, 7.3 looks no further once it has got them all
// (io_poll_check_events() in io_uring/poll.c forgets `again` when it returns IOU_POLL_REQUEUE).
constexpr uint32_t kFewPackets = 8 << 10;

using ZcrxStreamEnd = SteeredTest;

TEST_P(ZcrxStreamEnd, ComesAfterTheLastByte) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive());
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, kStreamBytes, uint64_t{1}}) {
    SCOPED_TRACE(fmt::format("a stream of {} bytes", bytes));
    ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = bytes}));
    ASSERT_OK(Transfer(receiver, sender, bytes));
  }
  EXPECT_THAT(receiver.Total(), ArrivedInPlace());
}

// What had arrived is delivered all the same, and then the reset is told.
TEST_P(ZcrxStreamEnd, ByResetGivesTheBuffersBack) {
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue({.small_ring = true}));
  const size_t area = SmallAreaBytes(declared().Standing().rings);
  ReceiverOptions options = ReceiverOn(queue, GetParam().area);
  ReceiveInto(area, options);
  options.request_bytes = kFewPackets;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, options));
  for (int reset = 0; reset < kResets; ++reset) {
    ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = kCutShort, .reset = true}));
    EXPECT_THAT(Transfer(receiver, sender, kCutShort), FailsWith(ECONNRESET));
  }
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = area}));
  ASSERT_OK(Transfer(receiver, sender, area));
  EXPECT_THAT(receiver.Total(), ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(, ZcrxStreamEnd, ::testing::Values(kFlowRule), VariantName);

}  // namespace
}  // namespace zcrx
