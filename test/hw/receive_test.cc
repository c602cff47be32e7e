// One multishot receive request takes the whole stream: iou-zcrx.py test_zcrx.
#include "fixtures/zcrx_test.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

class ZcrxReceive : public ZcrxTest, public ::testing::WithParamInterface<SteeringVariant> {};

TEST_P(ZcrxReceive, DeliversEveryByteInOrder) {
  ZCRX_REQUIRE(Capability::kFlowSteering, GetParam().needs);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(ReceiverOn(queue, GetParam().area)));
  ASSERT_OK(queue.Steer(GetParam().steering, receiver.Endpoint(), Undo()));
  ASSERT_OK_AND_ASSIGN(
      Sender sender,
      Send(receiver, {.bytes = kStreamBytes, .send_size = kSendBytes, .seed = Seed()}));

  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender, kStreamBytes));
  EXPECT_OK(ArrivedInPlace(queue, received));
}

INSTANTIATE_TEST_SUITE_P(, ZcrxReceive, ::testing::Values(kFlowRule, kRssContext, kFlowRuleDmabuf),
                         VariantName);

}  // namespace
}  // namespace zcrx
