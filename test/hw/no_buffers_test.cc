// The area runs dry because nothing is given back; the kernel says so, and goes on once it can.
#include "fixtures/zcrx_test.h"
#include "test/hw/small_area.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

class ZcrxNoBuffers : public ZcrxTest, public ::testing::WithParamInterface<SteeringVariant> {};

TEST_P(ZcrxNoBuffers, FiresWhenTheAreaRunsDry) {
  ZCRX_REQUIRE(Capability::kFlowSteering, Capability::kEvents, GetParam().needs);
  ASSERT_OK_AND_ASSIGN(const size_t area, SmallAreaBytes(UnderTest(), Undo()));
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ReceiverOptions options = ReceiverOn(queue);
  options.ifq.area.bytes = area;
  options.ifq.event_mask |= uapi::EventBit(uapi::kEventAllocFail);
  options.return_buffers = false;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(options));
  ASSERT_OK(queue.Steer(GetParam().steering, receiver.Endpoint(), Undo()));
  const uint64_t bytes = 2 * area;
  ASSERT_OK_AND_ASSIGN(Sender sender,
                       Send(receiver, {.bytes = bytes, .send_size = kSendBytes, .seed = Seed()}));

  ASSERT_OK_AND_ASSIGN(
      const Received dry,
      receiver.WaitForEvent(uapi::kEventAllocFail, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
  EXPECT_LT(dry.bytes, bytes);
  receiver.ReturnBuffers();

  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender, bytes));
  EXPECT_EQ(received.events[uapi::kEventAllocFail], 1U) << "it fires again only once armed";
  EXPECT_OK(ArrivedInPlace(queue, received));
}

INSTANTIATE_TEST_SUITE_P(, ZcrxNoBuffers, ::testing::Values(kFlowRule), VariantName);

}  // namespace
}  // namespace zcrx
