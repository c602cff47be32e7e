// The area runs dry because nothing is given back, and the kernel says so.
#include <chrono>

#include "fixtures/zcrx_test.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

// Fewer than the descriptors of a NIC's ring: the NIC takes them all at once, and the area is dry
// before the first byte arrives. (bnxt then delivers nothing; gve works with what it has got.)
constexpr size_t kAreaPages = 64;

class ZcrxNoBuffers : public ZcrxTest, public ::testing::WithParamInterface<SteeringVariant> {};

TEST_P(ZcrxNoBuffers, FiresWhenTheAreaRunsDry) {
  ZCRX_REQUIRE(Capability::kEvents, GetParam().needs);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ReceiverOptions options = ReceiverOn(queue);
  options.ifq.area.bytes = kAreaPages * PageBytes();
  options.ifq.event_mask = uapi::EventBit(uapi::kEventAllocFail);
  options.return_buffers = false;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(options));
  ASSERT_OK(queue.Steer(GetParam().steering, receiver.Endpoint(), Undo()));
  ASSERT_OK_AND_ASSIGN(
      Sender sender,
      Send(receiver, {.bytes = kStreamBytes, .send_size = kSendBytes, .seed = Seed()}));

  ASSERT_OK_AND_ASSIGN(
      const Received received,
      receiver.WaitForEvent(uapi::kEventAllocFail, IsPayloadOf(Seed()), Deadline::In(10s)));
  EXPECT_EQ(received.events[uapi::kEventAllocFail], 1U);
  // The sender cannot finish, and ends when its stdin closes.
}

INSTANTIATE_TEST_SUITE_P(, ZcrxNoBuffers, ::testing::Values(kFlowRule), VariantName);

}  // namespace
}  // namespace zcrx
