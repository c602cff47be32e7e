// Each receive request is limited to a page and sent again when it is used up: iou-zcrx.py
// test_zcrx_oneshot.
#include "fixtures/zcrx_test.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

constexpr uint32_t kRequestBytes = 4096;  // and those of a send()
constexpr uint64_t kRequests = 4;
constexpr uint64_t kOneshotBytes = kRequests * kRequestBytes;

class ZcrxOneshot : public ZcrxTest, public ::testing::WithParamInterface<SteeringVariant> {};

TEST_P(ZcrxOneshot, DeliversEveryByteInOrder) {
  ZCRX_REQUIRE(Capability::kFlowSteering, GetParam().needs);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ReceiverOptions options = ReceiverOn(queue, GetParam().area);
  options.request_bytes = kRequestBytes;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(options));
  ASSERT_OK(queue.Steer(GetParam().steering, receiver.Endpoint(), Undo()));
  ASSERT_OK_AND_ASSIGN(
      Sender sender,
      Send(receiver, {.bytes = kOneshotBytes, .send_size = kRequestBytes, .seed = Seed()}));

  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender, kOneshotBytes));
  EXPECT_OK(ArrivedInPlace(queue, received));
  // One request for each page, and a last one that sees the end of the stream.
  EXPECT_EQ(received.requests, kRequests + 1);
}

INSTANTIATE_TEST_SUITE_P(, ZcrxOneshot, ::testing::Values(kFlowRule, kRssContext, kFlowRuleDmabuf),
                         VariantName);

}  // namespace
}  // namespace zcrx
