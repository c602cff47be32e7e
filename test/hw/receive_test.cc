// One multishot receive request takes the whole stream: iou-zcrx.py test_zcrx.
#include "fixtures/zcrx_test.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using ZcrxReceive = SteeredTest;

TEST_P(ZcrxReceive, DeliversEveryByteInOrder) {
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive());
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));

  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
  EXPECT_THAT(received, ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(, ZcrxReceive, ::testing::Values(kFlowRule, kRssContext, kFlowRuleDmabuf),
                         VariantName);

}  // namespace
}  // namespace zcrx
