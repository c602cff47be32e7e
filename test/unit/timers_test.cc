// Timers under a clock that the test sets, and in the loop that runs them.
#include "ci/vnic/base/timers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include "ci/vnic/base/event_loop.h"

namespace vnic {
namespace {

using namespace std::chrono_literals;

class TimersTest : public ::testing::Test {
 protected:
  // What has run since the last call.
  std::string Pass(Timers::Clock::duration time) {
    now_ += time;
    timers_.RunDue();
    return std::exchange(ran_, {});
  }
  Timers::Callback Note(char name) {
    return [this, name] { ran_ += name; };
  }

  Timers::Clock::time_point now_{};
  Timers timers_{[this] { return now_; }};
  std::string ran_;
};

TEST_F(TimersTest, RunOnceInTheOrderOfTheirTimes) {
  const Timer b = timers_.After(20ms, Note('b'));
  const Timer a = timers_.After(10ms, Note('a'));
  const Timer c = timers_.After(20ms, Note('c'));
  EXPECT_EQ(timers_.Next(), now_ + 10ms);
  EXPECT_EQ(Pass(9ms), "");
  EXPECT_EQ(Pass(1ms), "a");
  EXPECT_EQ(Pass(1h), "bc");
  EXPECT_EQ(Pass(1h), "");
  EXPECT_EQ(timers_.Next(), std::nullopt);
}

TEST_F(TimersTest, RunAgainAPeriodAfterEachRun) {
  const Timer every = timers_.Every(10ms, Note('a'));
  EXPECT_EQ(Pass(10ms), "a");
  EXPECT_EQ(Pass(1h), "a") << "what was missed is not made up for";
  EXPECT_EQ(Pass(9ms), "");
  EXPECT_EQ(Pass(1ms), "a");
}

TEST_F(TimersTest, AreCancelledWithTheirOwner) {
  Timer one = timers_.After(10ms, Note('a'));
  {
    const Timer gone = timers_.Every(5ms, Note('x'));
  }
  EXPECT_EQ(timers_.Next(), now_ + 10ms);
  one = timers_.After(20ms, Note('b'));
  EXPECT_EQ(Pass(10ms), "") << "assigned anew";
  EXPECT_EQ(Pass(10ms), "b");
}

TEST_F(TimersTest, CallbacksMayCancelAndMakeTimers) {
  Timer itself;
  Timer other;
  Timer made;
  itself = timers_.Every(10ms, [&] {
    ran_ += 'a';
    other = {};
    itself = {};
    made = timers_.After(0ms, Note('c'));
  });
  other = timers_.After(10ms, Note('b'));
  EXPECT_EQ(Pass(10ms), "a") << "the other is cancelled, the new one waits for the next round";
  EXPECT_EQ(Pass(0ms), "c");
  EXPECT_EQ(Pass(1h), "");
}

TEST(EventLoop, RunsTimersWhileNothingElseHappens) {
  auto loop = EventLoop::Create();
  ASSERT_TRUE(loop);
  const auto begin = Timers::Clock::now();
  int ticks = 0;
  const Timer tick = loop->LoopTimers().Every(1ms, [&] { ++ticks; });
  const Timer end = loop->LoopTimers().After(20ms, [&] { loop->Stop(); });
  ASSERT_TRUE(loop->Run());
  EXPECT_GE(Timers::Clock::now() - begin, 20ms);
  EXPECT_GT(ticks, 0);
}

}  // namespace
}  // namespace vnic
