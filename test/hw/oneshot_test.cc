// Each receive request is limited to a page and sent again when it is used up: iou-zcrx.py
// test_zcrx_oneshot.
#include "fixtures/zcrx_test.h"
#include "support/base/pages.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

constexpr uint64_t kRequests = 4;

using ZcrxOneshot = SteeredTest;

TEST_P(ZcrxOneshot, DeliversEveryByteInOrder) {
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ReceiverOptions options = ReceiverOn(queue, GetParam().area);
  const auto page = static_cast<uint32_t>(PageBytes());
  const uint64_t bytes = kRequests * page;
  options.request_bytes = page;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, options));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = bytes, .send_size = page}));

  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender, bytes));
  EXPECT_THAT(received, ArrivedInPlace());
  // One request for each page, and a last one that sees the end of the stream.
  EXPECT_EQ(received.requests, kRequests + 1);
}

INSTANTIATE_TEST_SUITE_P(, ZcrxOneshot, ::testing::Values(kFlowRule, kRssContext, kFlowRuleDmabuf),
                         VariantName);

}  // namespace
}  // namespace zcrx
