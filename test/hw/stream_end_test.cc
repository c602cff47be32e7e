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
// A few packets, so that the reset is not behind many, which is another test's.
constexpr uint32_t kFewPackets = 8 << 10;
// More than 20 packets, even where the driver merges them to 64 KiB each.
constexpr uint64_t kManyPackets = uint64_t{4} << 20;
constexpr uint32_t kUnhurried = 16U << 20;  // bytes per second
constexpr int kRoomForAll = 16 << 20;       // also where each segment takes a buffer of its own
constexpr unsigned kCompletionsForAll = 16384;

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

// Most of the data and the reset wake the request together. It takes 20 packets at a time
// (IO_SKBS_PER_CALL_LIMIT in io_uring/zcrx.c), and has to look again after the last or waits for
// ever: nothing else comes on a connection that was reset.
TEST_P(ZcrxStreamEnd, ByResetIsToldBehindManyPackets) {
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ReceiverOptions options = ReceiverOn(queue, GetParam().area);
  options.receive_buffer = kRoomForAll;
  options.cq_entries = kCompletionsForAll;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, options));
  ASSERT_OK_AND_ASSIGN(
      Sender sender,
      Send(receiver, {.bytes = kManyPackets, .bytes_per_s = kUnhurried, .reset = true}));
  ASSERT_OK(receiver.Accept(kManyPackets, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
  ASSERT_OK(receiver.Reach(1, Deadline::In(kTransfer)));
  ASSERT_OK(receiver.WaitUntilReset(Deadline::In(kTransfer)));
  ASSERT_LT(receiver.Total().bytes, kManyPackets / 2) << "too few are behind the first";

  EXPECT_THAT(Transfer(receiver, sender, kManyPackets), FailsWith(ECONNRESET));
  EXPECT_THAT(receiver.Total(), ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(, ZcrxStreamEnd, ::testing::Values(kFlowRule), VariantName);

}  // namespace
}  // namespace zcrx
