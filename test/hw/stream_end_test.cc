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

class ZcrxStreamEnd : public ZcrxTest, public ::testing::WithParamInterface<SteeringVariant> {};

TEST_P(ZcrxStreamEnd, ComesAfterTheLastByte) {
  ZCRX_REQUIRE(Capability::kFlowSteering, GetParam().needs);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(ReceiverOn(queue, GetParam().area)));
  ASSERT_OK(queue.Steer(GetParam().steering, receiver.Endpoint(), Undo()));
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, kStreamBytes, uint64_t{1}}) {
    SCOPED_TRACE(fmt::format("a stream of {} bytes", bytes));
    ASSERT_OK_AND_ASSIGN(Sender sender,
                         Send(receiver, {.bytes = bytes, .send_size = kSendBytes, .seed = Seed()}));
    ASSERT_OK(Transfer(receiver, sender, bytes));
  }
  EXPECT_OK(ArrivedInPlace(queue, receiver.Total()));
}

// What had arrived is delivered all the same, and then the reset is told.
TEST_P(ZcrxStreamEnd, ByResetGivesTheBuffersBack) {
  ZCRX_REQUIRE(Capability::kFlowSteering, GetParam().needs);
  ASSERT_OK_AND_ASSIGN(const size_t area, SmallAreaBytes(UnderTest(), Undo()));
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ReceiverOptions options = ReceiverOn(queue, GetParam().area);
  ReceiveInto(area, options);
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(options));
  ASSERT_OK(queue.Steer(GetParam().steering, receiver.Endpoint(), Undo()));
  for (int reset = 0; reset < kResets; ++reset) {
    ASSERT_OK_AND_ASSIGN(
        Sender sender,
        Send(receiver,
             {.bytes = kCutShort, .send_size = kSendBytes, .seed = Seed(), .reset = true}));
    EXPECT_THAT(Transfer(receiver, sender, kCutShort), FailsWith(ECONNRESET));
  }
  ASSERT_OK_AND_ASSIGN(Sender sender,
                       Send(receiver, {.bytes = area, .send_size = kSendBytes, .seed = Seed()}));
  ASSERT_OK(Transfer(receiver, sender, area));
  EXPECT_OK(ArrivedInPlace(queue, receiver.Total()));
}

INSTANTIATE_TEST_SUITE_P(, ZcrxStreamEnd, ::testing::Values(kFlowRule), VariantName);

}  // namespace
}  // namespace zcrx
