// A page pool that has no buffer now and then, as on a machine that is short of memory.
#include <string>

#include "fixtures/zcrx_test.h"
#include "support/kernel/fail_function.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

constexpr uint64_t kBytes = 32 << 20;
// Some drivers take many buffers at once (mlx5: 64), and none if one is lacking. Not a divisor of
// any ring's size, so that each of its entries may be hit.
constexpr unsigned kInterval = 509;

using ZcrxPoolFailures = SteeredTest;

// It concerns every pool of the machine, for headers and for payload. What the driver cannot place
// for it TCP sends again; none of it may be lost, come twice, or stay in the kernel.
TEST_P(ZcrxPoolFailures, CostNoByte) {
  ZCRX_REQUIRE(Capability::kPoolFailures);
  ExpectDriverErrors();
  ExpectFailedAllocations();
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, ReceiverOn(queue)));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = kBytes}));
  uint64_t failures = 0;
  {
    ASSERT_OK_AND_ASSIGN(const FailFunction fault, FailFunction::Open(kPoolAllocates, kInterval));
    ASSERT_OK(receiver.Accept(kBytes, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
    ASSERT_OK(receiver.Reach(kBytes / 2, Deadline::In(kTransfer)));
    ASSERT_OK_AND_ASSIGN(failures, fault.Failures());
  }
  RecordProperty("failures", std::to_string(failures));
  EXPECT_GT(failures, 0) << "no allocation failed";
  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender, kBytes));
  EXPECT_THAT(received, ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(, ZcrxPoolFailures, ::testing::Values(kFlowRule), VariantName);

}  // namespace
}  // namespace zcrx
