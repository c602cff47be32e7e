#include "support/base/deadline.h"

#include <gtest/gtest.h>

#include <chrono>

namespace zcrx {
namespace {

using namespace std::chrono_literals;

TEST(Deadline, InThePastIsExpiredAndHasNothingLeft) {
  const Deadline past = Deadline::In(-1s);
  EXPECT_TRUE(past.Expired());
  EXPECT_EQ(past.Remaining(), 0s);
  EXPECT_EQ(past.RemainingMs(), 0);
  EXPECT_EQ(past.RemainingTimespec().tv_sec, 0);
  EXPECT_EQ(past.RemainingTimespec().tv_nsec, 0);
}

TEST(Deadline, MillisecondsAreRoundedUpSoThatAWaitDoesNotSpin) {
  const Deadline soon = Deadline::In(1h);
  EXPECT_FALSE(soon.Expired());
  EXPECT_GE(std::chrono::milliseconds(soon.RemainingMs()), soon.Remaining());
}

TEST(Deadline, FarAwayFitsPollsArgument) {
  EXPECT_EQ(Deadline::In(std::chrono::hours(24 * 365)).RemainingMs(),
            std::numeric_limits<int>::max());
}

TEST(Deadline, EarlierOfTwoIsTheOneThatEndsFirst) {
  const Deadline soon = Deadline::In(1s);
  const Deadline late = Deadline::In(1h);
  EXPECT_EQ(soon.Earlier(late).When(), soon.When());
  EXPECT_EQ(late.Earlier(soon).When(), soon.When());
}

class StretchedDeadline : public ::testing::Test {
 protected:
  void SetUp() override { Deadline::Stretch(3); }
  void TearDown() override { Deadline::Stretch(1); }
};

TEST_F(StretchedDeadline, IsSoManyTimesAsFar) {
  EXPECT_GT(Deadline::In(10s).Remaining(), 29s);
  EXPECT_LE(Deadline::In(10s).Remaining(), 30s);
  EXPECT_EQ(Deadline::Stretched(10s), 30s);
}

TEST_F(StretchedDeadline, LeavesWhatAUserHasSet) {
  EXPECT_LE(Deadline::Exactly(10s).Remaining(), 10s);
}

}  // namespace
}  // namespace zcrx
