// Sums of where the time went: every moment counts once.
#include "fixtures/program/timings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::MatchesRegex;

constexpr auto kWhile = 20ms;

void Pass() { std::this_thread::sleep_for(kWhile); }

double SumOf(Timings& timings, std::string_view name) {
  for (const Timings::Sum& sum : timings.Sums()) {
    if (sum.name == name) return sum.seconds.count();
  }
  ADD_FAILURE() << "no part " << name;
  return 0;
}

TEST(Timings, TheInnermostScopeHasTheTimeAndAllAddUp) {
  constexpr double kOnce = std::chrono::duration<double>(kWhile).count();
  const auto begin = Timings::Clock::now();
  Timings timings;
  {
    const Timings::Scope setting_up(Part::kSetUp, timings);
    Pass();
    {
      const Timings::Scope login(Part::kLogin, timings);
      Pass();
      Pass();
    }
    Pass();
  }
  Pass();

  const double login = SumOf(timings, "login");
  const double set_up = SumOf(timings, "set-up");
  const double rest = SumOf(timings, "rest");
  const std::chrono::duration<double> all = Timings::Clock::now() - begin;
  EXPECT_GE(login, 2 * kOnce);
  EXPECT_GE(set_up, 2 * kOnce);
  EXPECT_GE(rest, kOnce);
  EXPECT_EQ(SumOf(timings, "transfer"), 0);
  EXPECT_LE(login + set_up + rest, all.count());
}

TEST(Timings, AreToldInALine) {
  Timings timings;
  EXPECT_THAT(timings.Text(),
              MatchesRegex("[0-9.]+ s: login 0.00, deploy 0.00, sender start 0.00, set-up 0.00, "
                           "transfer 0.00, restore 0.00, rest [0-9.]+"));
}

}  // namespace
}  // namespace zcrx
