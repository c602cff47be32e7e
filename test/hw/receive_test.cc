// One multishot receive request takes the whole stream: iou-zcrx.py test_zcrx.
#include <chrono>

#include "fixtures/zcrx_test.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

class ZcrxReceive : public ZcrxTest, public ::testing::WithParamInterface<SteeringVariant> {};

TEST_P(ZcrxReceive, DeliversEveryByteInOrder) {
  ZCRX_REQUIRE(Capability::kFlowSteering, GetParam().needs);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(ReceiverOn(queue)));
  ASSERT_OK(queue.Steer(GetParam().steering, receiver.Endpoint(), Undo()));
  ASSERT_OK_AND_ASSIGN(
      Sender sender,
      Send(receiver, {.bytes = kStreamBytes, .send_size = kSendBytes, .seed = Seed()}));

  EXPECT_OK(Transfer(receiver, sender, kStreamBytes, Deadline::In(10s)));
}

INSTANTIATE_TEST_SUITE_P(, ZcrxReceive, ::testing::Values(kFlowRule, kRssContext), VariantName);

}  // namespace
}  // namespace zcrx
