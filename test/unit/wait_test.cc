#include "support/base/wait.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>

namespace zcrx {
namespace {

using namespace std::chrono_literals;

TEST(Becomes, IsThereAtOnceEvenWithNoTimeLeft) {
  EXPECT_TRUE(Becomes("it is", [] { return Result<bool>(true); }, Deadline::In(-1s)).has_value());
}

TEST(Becomes, LooksAgainUntilItIsThere) {
  int looks = 0;
  const auto third_time = [&] { return Result<bool>(++looks == 3); };
  EXPECT_TRUE(Becomes("it is", third_time, Deadline::In(1h)).has_value());
  EXPECT_EQ(looks, 3);
}

TEST(Becomes, GivesUpAtTheDeadlineAndSaysOnWhat) {
  const Status status = Becomes("pigs fly", [] { return Result<bool>(false); }, Deadline::In(5ms));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ETIMEDOUT);
  EXPECT_EQ(status.error().operation, "wait until pigs fly");
}

TEST(Becomes, AnErrorOfThePredicateEndsTheWait) {
  const auto broken = [] { return Result<bool>(Fail("look", EIO)); };
  const Status status = Becomes("it is", broken, Deadline::In(1h));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, EIO);
}

}  // namespace
}  // namespace zcrx
