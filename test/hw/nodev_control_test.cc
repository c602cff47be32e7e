// IORING_REGISTER_ZCRX_CTRL: what is refused whatever it asks for, and by FLUSH_RQ, EXPORT and
// ARM_EVENT. io_zcrx_ctrl() in io_uring/zcrx.c.
#include <ostream>
#include <string>

#include "fixtures/nodev_test.h"
#include "support/base/pages.h"
#include "test/hw/wrong_value.h"

namespace zcrx {
namespace {

using WrongControl = WrongValue<uapi::zcrx_ctrl>;
class ZcrxNodevControlRefusal : public NodevTest,
                                public ::testing::WithParamInterface<WrongControl> {};

TEST_P(ZcrxNodevControlRefusal, OfOneWrongValue) {
  ZCRX_REQUIRE(GetParam().needs);
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  ASSERT_OK_AND_ASSIGN(const Ifq ifq, Ifq::Register(ring, Nodev()));
  uapi::zcrx_ctrl wrong = {};
  wrong.zcrx_id = ifq.Id();
  wrong.op = uapi::ZCRX_CTRL_FLUSH_RQ;
  EXPECT_OK(Call(ring, uapi::IORING_REGISTER_ZCRX_CTRL, &wrong, 0));
  GetParam().spoil(wrong);
  EXPECT_THAT(Call(ring, uapi::IORING_REGISTER_ZCRX_CTRL, &wrong, 0), FailsWith(GetParam().code))
      << GetParam().source;
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxNodevControlRefusal,
    ::testing::Values(WrongControl{"resv_first", EFAULT, "1608: ctrl.__resv",
                                   [](auto& wrong) { wrong.resv[0] = 1; }},
                      WrongControl{"resv_last", EFAULT, "1608: ctrl.__resv",
                                   [](auto& wrong) { wrong.resv[1] = 1; }},
                      WrongControl{"id", ENXIO, "1611: xa_load()",
                                   [](auto& wrong) { wrong.zcrx_id = 1; }},
                      WrongControl{"op", EOPNOTSUPP, "1626", [](auto& wrong) { wrong.op = 4; }},
                      WrongControl{"op_all_ones", EOPNOTSUPP, "1626",
                                   [](auto& wrong) { wrong.op = ~uint32_t{0}; }},
                      WrongControl{"flush_resv", EINVAL, "1528: frq->__resv",
                                   [](auto& wrong) { wrong.zc_flush.resv[5] = 1; }},
                      WrongControl{"export_descriptor", EINVAL, "802: mem_is_zero(ce)",
                                   [](auto& wrong) {
                                     wrong.op = uapi::ZCRX_CTRL_EXPORT;
                                     wrong.zc_export.zcrx_fd = 1;
                                   }},
                      WrongControl{"export_resv", EINVAL, "802: mem_is_zero(ce)",
                                   [](auto& wrong) {
                                     wrong.op = uapi::ZCRX_CTRL_EXPORT;
                                     wrong.zc_export.resv1[10] = 1;
                                   }},
                      WrongControl{"arm_type",
                                   EINVAL,
                                   "1555: an->event_type",
                                   [](auto& wrong) {
                                     wrong.op = uapi::ZCRX_CTRL_ARM_EVENT;
                                     wrong.zc_arm_event.event_type = 2;
                                   },
                                   {Capability::kEvents}},
                      WrongControl{"arm_not_fired",
                                   EINVAL,
                                   "1562: zcrx->fired_notifs",
                                   [](auto& wrong) { wrong.op = uapi::ZCRX_CTRL_ARM_EVENT; },
                                   {Capability::kEvents}}),
    kNameOfRow);

class ZcrxNodevControl : public NodevTest {};

TEST_F(ZcrxNodevControl, TakesNoCountAndNoBadPointer) {
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  ASSERT_OK_AND_ASSIGN(const Ifq ifq, Ifq::Register(ring, Nodev()));
  uapi::zcrx_ctrl flush = {};
  EXPECT_THAT(Call(ring, uapi::IORING_REGISTER_ZCRX_CTRL, &flush, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(ring, uapi::IORING_REGISTER_ZCRX_CTRL, nullptr, 0), FailsWith(EFAULT));
  EXPECT_OK(Call(ring, uapi::IORING_REGISTER_ZCRX_CTRL, &flush, 0));
}

// 1557: of an event that has fired, so that only the rest is wrong.
TEST_F(ZcrxNodevControl, ArmsAnEventOncePerFiring) {
  ZCRX_REQUIRE(Capability::kEvents);
  constexpr uint64_t kEvent = 77;
  IfqOptions options = Nodev();
  options.event_mask = uapi::EventBit(uapi::ZCRX_EVENT_COPY);
  options.event_user_data = kEvent;
  options.stats = true;
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(options));
  ASSERT_OK(receiver.Request());
  for (uint64_t round = 1; round <= 3; ++round) {
    // Twice, of which the first is told.
    int events = 0;
    for (int part = 0; part < 2; ++part) {
      ASSERT_OK(receiver.Send(PageBytes()));
      size_t received = 0;
      while (received < PageBytes()) {
        ASSERT_OK_AND_ASSIGN(const Completion next, receiver.Next());
        if (next.user_data == kEvent) {
          EXPECT_EQ(next.res, static_cast<int32_t>(uapi::ZCRX_EVENT_COPY));
          EXPECT_FALSE(next.More());
          ++events;
          continue;
        }
        ASSERT_GT(next.res, 0);
        received += static_cast<size_t>(next.res);
      }
    }
    // The event may come behind the data.
    if (events == 0) {
      ASSERT_OK_AND_ASSIGN(const Completion next, receiver.Next());
      EXPECT_EQ(next.user_data, kEvent);
    } else {
      EXPECT_EQ(events, 1);
    }
    ASSERT_TRUE(receiver.Zcrx().Stats().has_value());
    EXPECT_EQ(receiver.Zcrx().Stats()->copy_bytes, round * 2 * PageBytes());

    uapi::zcrx_ctrl arm = {};
    arm.zcrx_id = receiver.Id();
    arm.op = uapi::ZCRX_CTRL_ARM_EVENT;
    arm.zc_arm_event.event_type = uapi::ZCRX_EVENT_COPY;
    arm.zc_arm_event.resv[10] = 1;
    EXPECT_THAT(Call(receiver.Uring(), uapi::IORING_REGISTER_ZCRX_CTRL, &arm, 0),
                FailsWith(EINVAL));
    // 1555: a shift by as much would lead to the same event.
    arm.zc_arm_event = {};
    arm.zc_arm_event.event_type = 32 + uapi::ZCRX_EVENT_COPY;
    EXPECT_THAT(Call(receiver.Uring(), uapi::IORING_REGISTER_ZCRX_CTRL, &arm, 0),
                FailsWith(EINVAL));
    EXPECT_OK(receiver.Zcrx().ArmEvent(receiver.Uring(), uapi::ZCRX_EVENT_COPY));
    EXPECT_THAT(receiver.Zcrx().ArmEvent(receiver.Uring(), uapi::ZCRX_EVENT_COPY),
                FailsWith(EINVAL));
  }
}

}  // namespace
}  // namespace zcrx
