// The area runs dry because nothing is given back; the kernel says so, and goes on once it can.
#include <chrono>

#include "fixtures/zcrx_test.h"
#include "test/hw/small_area.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

// TCP has sent what it may, and repeated it at least once (after 0.2 s). Not much longer: it
// repeats ever more rarely, and the rest of the transfer waits for that.
constexpr auto kSilence = 500ms;

using ZcrxNoBuffers = SteeredTest;

TEST_P(ZcrxNoBuffers, FiresWhenTheAreaRunsDry) {
  ZCRX_REQUIRE(Capability::kEvents);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue({.small_ring = true}));
  const size_t area = SmallAreaBytes(declared().Standing().rings);
  ReceiverOptions options = ReceiverOn(queue);
  RunDry(area, options);
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, options));
  const uint64_t bytes = 2 * area;
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = bytes}));

  ASSERT_OK_AND_ASSIGN(const Received dry,
                       receiver.WaitForEvent(uapi::ZCRX_EVENT_ALLOC_FAIL, IsPayloadOf(Seed()),
                                             Deadline::In(kTransfer)));
  EXPECT_LT(dry.bytes, bytes);
  receiver.ReturnBuffers();

  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender, bytes));
  EXPECT_EQ(received.events[uapi::ZCRX_EVENT_ALLOC_FAIL], 1U) << "it fires again only once armed";
  EXPECT_THAT(received, ArrivedInPlace());
}

// zcrx_arm_notif(): an event is told once until it is armed, and again each time after that.
TEST_P(ZcrxNoBuffers, FiresAgainOnceArmed) {
  ZCRX_REQUIRE(Capability::kEvents);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue({.small_ring = true}));
  const size_t area = SmallAreaBytes(declared().Standing().rings);
  ReceiverOptions options = ReceiverOn(queue);
  RunDry(area, options);
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, options));
  const uint64_t bytes = 4 * area;
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = bytes}));

  EXPECT_THAT(receiver.ArmEvent(uapi::ZCRX_EVENT_ALLOC_FAIL), FailsWith(EINVAL))
      << "it has not fired";
  for (uint64_t times = 1; times <= 2; ++times) {
    ASSERT_OK(receiver.WaitForEvent(uapi::ZCRX_EVENT_ALLOC_FAIL, IsPayloadOf(Seed()),
                                    Deadline::In(kTransfer), times));
    receiver.ReturnKept();
    ASSERT_OK(receiver.ArmEvent(uapi::ZCRX_EVENT_ALLOC_FAIL));
  }
  receiver.ReturnBuffers();
  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender, bytes));
  EXPECT_THAT(received, ArrivedInPlace());
}

// While the ring has no buffer the NIC drops all that comes, so no packet makes the driver look
// again. It has to by itself: a driver that fills its ring only after a packet never does.
TEST_P(ZcrxNoBuffers, GoesOnAfterTheRingRanDry) {
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue({.small_ring = true}));
  const size_t area = SmallAreaBytes(declared().Standing().rings);
  ReceiverOptions options = ReceiverOn(queue, GetParam().area);
  options.ifq.area.bytes = area;
  options.return_buffers = false;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, options));
  const uint64_t bytes = 2 * area;
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = bytes}));

  ASSERT_OK(receiver.Accept(bytes, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
  ASSERT_OK(receiver.WaitForSilence(kSilence, Deadline::In(kTransfer)));
  receiver.ReturnBuffers();

  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender, bytes));
  EXPECT_THAT(received, ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(, ZcrxNoBuffers, ::testing::Values(kFlowRule), VariantName);

}  // namespace
}  // namespace zcrx
