// Against the kernel that runs the test, whichever it is: its answers are checked for agreement
// with each other, not for being there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fixtures/result_matchers.h"
#include "support/zcrx/area.h"
#include "support/zcrx/ifq.h"
#include "support/zcrx/probe.h"

namespace zcrx {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(ZcrxProbe, KnowsWhatThisKernelIs) {
  const auto probe = ProbeZcrx();
  ASSERT_TRUE(probe.has_value()) << probe.error().Text();
  EXPECT_THAT(probe->evidence, Not(IsEmpty()));
}

TEST(ZcrxQuery, AnswersOrSaysWhyNot) {
  const auto zcrx = QueryZcrx();
  const auto events = QueryZcrxEvents();
  if (!zcrx.has_value()) {
    EXPECT_THAT(zcrx.error().code, AnyOf(EINVAL, EOPNOTSUPP, EPERM)) << zcrx.error().Text();
  }
  if (!events.has_value()) {
    EXPECT_THAT(events.error().code, AnyOf(EINVAL, EOPNOTSUPP, EPERM)) << events.error().Text();
    return;
  }
  // Events are newer than zcrx, and a kernel with events says so in both answers.
  ASSERT_TRUE(zcrx.has_value()) << zcrx.error().Text();
  EXPECT_NE(zcrx->features & uapi::ZCRX_FEATURE_EVENT, 0);
  EXPECT_GE(events->stats_size, sizeof(uapi::zcrx_stats));
  EXPECT_NE(events->event_flags & uapi::EventBit(uapi::ZCRX_EVENT_COPY), 0);
}

TEST(Area, KnowsItsBounds) {
  const auto area = Area::Allocate(2 * PageBytes());
  ASSERT_TRUE(area.has_value()) << area.error().Text();
  const uint64_t size = area->Bytes().size();
  EXPECT_EQ(size, 2 * PageBytes());
  EXPECT_EQ(area->At(0, size)->data(), area->Bytes().data());
  EXPECT_EQ(area->At(size - 1, 1)->data(), area->Bytes().data() + size - 1);
  EXPECT_EQ(area->At(size, 0)->size(), 0);
  EXPECT_THAT(area->At(size, 1), FailsWith(ERANGE));
  EXPECT_THAT(area->At(size - 1, 2), FailsWith(ERANGE));
  EXPECT_THAT(area->At(~uint64_t{0}, 2), FailsWith(ERANGE)) << "offset + length wraps";
  EXPECT_THAT(area->At(1, ~uint64_t{0}), FailsWith(ERANGE)) << "offset + length wraps";
}

TEST(Area, RefusesPartsOfPages) {
  EXPECT_THAT(Area::Allocate(0), FailsWith(EINVAL));
  EXPECT_THAT(Area::Allocate(PageBytes() + 1), FailsWith(EINVAL));
  EXPECT_THAT(Area::Allocate(PageBytes(), AreaKind::kHugePages), FailsWith(EINVAL));
}

// Registration that cannot succeed on any machine, so nothing has to be undone.
TEST(Ifq, SaysWhatTheErrnoMeans) {
  const auto probe = ProbeZcrx();
  ASSERT_TRUE(probe.has_value()) << probe.error().Text();
  if (probe->access != ZcrxAccess::kUsable) GTEST_SKIP() << probe->evidence;
  IfqOptions options;
  options.area.bytes = 16 * PageBytes();
  options.ifindex = 0x7ffffff0;
  options.queue = 1;
  const auto no_device = DryRun(options);
  ASSERT_FALSE(no_device.has_value());
  EXPECT_EQ(no_device.error().Text(),
            "register zcrx on queue 1 of device 2147483632: No such device (ENODEV): no network "
            "device has this index");
  options.ifindex = 1;  // loopback has no queue management
  const auto no_driver = DryRun(options);
  ASSERT_FALSE(no_driver.has_value());
  EXPECT_EQ(no_driver.error().code, EOPNOTSUPP) << no_driver.error().Text();
  EXPECT_THAT(no_driver.error().detail, HasSubstr("no queue management operations"));
}

}  // namespace
}  // namespace zcrx
