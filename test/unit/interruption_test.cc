// Interruptions of this very process.
#include "support/base/interruption.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/base/interruption_watch.h"
#include "support/base/unique_fd.h"
#include "support/base/wait.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kNever = 1h;
constexpr auto kSoon = 20s;  // never reached where things work
constexpr auto kPause = 30ms;

Status NeverBecomes(Deadline deadline) {
  return Becomes("pigs fly", [] { return Result<bool>(false); }, deadline);
}

// Sends itself `signal` in a while: when the test waits already.
class Later {
 public:
  explicit Later(int signal)
      : thread_([signal] {
          std::this_thread::sleep_for(kPause);
          ::kill(::getpid(), signal);
        }) {}
  Later(const Later&) = delete;
  Later& operator=(const Later&) = delete;
  ~Later() { thread_.join(); }

 private:
  std::thread thread_;
};

void WaitUntilItHasCome() {
  const Uninterrupted waiting;
  ASSERT_OK(Becomes(
      "the interruption has come", [] { return Result<bool>(Interruption::HasCome()); },
      Deadline::In(kSoon)));
}

class InterruptionTest : public ::testing::TestWithParam<int> {};

TEST_P(InterruptionTest, EndsAWaitThatHasBegun) {
  const InterruptionWatch watch;
  const Later later(GetParam());
  const auto begin = Clock::now();
  const Status status = NeverBecomes(Deadline::In(kNever));
  EXPECT_LT(Clock::now() - begin, kSoon);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ECANCELED);
  EXPECT_EQ(status.error().detail, std::string("interrupted by SIG") + ::sigabbrev_np(GetParam()));
}

TEST_P(InterruptionTest, EndsAPoll) {
  const InterruptionWatch watch;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd out(ends[0]);
  const UniqueFd in(ends[1]);
  pollfd wait{.fd = out.Get(), .events = POLLIN, .revents = 0};
  const Later later(GetParam());
  const auto begin = Clock::now();
  ASSERT_OK_AND_ASSIGN(const bool ready,
                       PollUntil("wait", std::span(&wait, 1), Deadline::In(kNever)));
  EXPECT_FALSE(ready);
  EXPECT_LT(Clock::now() - begin, kSoon);
}

TEST_P(InterruptionTest, EndsTheWaitOfEachThreadThatHearsIt) {
  const InterruptionWatch watch;
  constexpr int kThreads = 3;
  std::array<Status, kThreads> ended;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  const auto begin = Clock::now();
  for (Status& one : ended) {
    threads.emplace_back([&one] {
      const HearsInterruption hears;
      std::array<pollfd, 0> none;
      const auto ready = PollUntil("wait", none, Deadline::In(kNever));
      if (ready && !*ready) one = FailExpired("wait");
    });
  }
  {
    const HearsInterruption come_and_gone;
  }
  const Later later(GetParam());
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(Clock::now() - begin, kSoon);
  for (const Status& one : ended) EXPECT_THAT(one, FailsWith(ECANCELED));
}

INSTANTIATE_TEST_SUITE_P(, InterruptionTest, ::testing::Values(SIGINT, SIGTERM, SIGHUP),
                         [](const auto& info) { return std::string(::sigabbrev_np(info.param)); });

// The moment between the look at the deadline and the wait is short: strike around it, often.
TEST(Interruption, IsNeverMissedJustBeforeAWait) {
  for (int turn = 0; turn < 300; ++turn) {
    const InterruptionWatch watch;
    std::thread sender([turn] {
      const auto until = Clock::now() + std::chrono::microseconds(turn % 100);
      while (Clock::now() < until) {
      }
      ::kill(::getpid(), SIGTERM);
    });
    const auto begin = Clock::now();
    EXPECT_FALSE(*PollUntil("wait", {}, Deadline::In(kSoon)));
    EXPECT_LT(Clock::now() - begin, kSoon / 2);
    sender.join();
  }
}

TEST(Interruption, ExpiresEveryDeadline) {
  const InterruptionWatch watch;
  const Deadline before = Deadline::In(kNever);
  EXPECT_EQ(Interruption::Text(), "");
  ::kill(::getpid(), SIGTERM);
  WaitUntilItHasCome();
  EXPECT_TRUE(before.Expired());
  EXPECT_EQ(before.RemainingMs(), 0);
  EXPECT_TRUE(Deadline::In(kNever).Expired());
  EXPECT_EQ(Interruption::Text(), "interrupted by SIGTERM");
}

TEST(Interruption, ComesFromTheLimit) {
  const InterruptionWatch watch(1s);
  const auto begin = Clock::now();
  EXPECT_THAT(NeverBecomes(Deadline::In(kNever)), FailsWith(ECANCELED));
  EXPECT_GE(Clock::now() - begin, 1s);
  EXPECT_EQ(Interruption::Text(), "interrupted by the limit of 1 s");
}

TEST(Interruption, IsForgottenWithTheWatch) {
  {
    const InterruptionWatch watch;
    ::kill(::getpid(), SIGTERM);
    WaitUntilItHasCome();
    ::kill(::getpid(), SIGTERM);
  }
  EXPECT_FALSE(Interruption::HasCome());
  EXPECT_FALSE(Deadline::In(kNever).Expired());
}

TEST(Interruption, LeavesUndosTheirWaitsHoweverOftenItComes) {
  const InterruptionWatch watch;
  ::kill(::getpid(), SIGTERM);
  WaitUntilItHasCome();
  int looks = 0;
  {
    const Uninterrupted undoing;
    EXPECT_OK(Becomes(
        "it is",
        [&looks] {
          ::kill(::getpid(), SIGTERM);  // again, in the middle of it
          return Result<bool>(++looks == 6);
        },
        Deadline::In(kSoon)));
  }
  EXPECT_EQ(looks, 6);
  EXPECT_THAT(NeverBecomes(Deadline::In(kNever)), FailsWith(ECANCELED));
}

TEST(Interruption, AnUndoThatFailsInTimeSaysSo) {
  const InterruptionWatch watch;
  ::kill(::getpid(), SIGTERM);
  WaitUntilItHasCome();
  const Uninterrupted undoing;
  EXPECT_THAT(NeverBecomes(Deadline::In(kPause)), FailsWith(ETIMEDOUT));
  EXPECT_LE(Deadline::In(kNever).Remaining(), Interruption::kForUndo);
}

// In children, because signals would end this process.
int StatusOfChild(void (*body)()) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(42);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(Interruption, EndsTheProcessWhereUndoingHangs) {
  EXPECT_EQ(StatusOfChild([] {
              const InterruptionWatch watch({}, {.after = 100ms, .status = 7});
              ::kill(::getpid(), SIGTERM);
              const Uninterrupted undoing;
              std::this_thread::sleep_for(kSoon);
            }),
            7);
}

TEST(Interruption, WhatWasIgnoredStaysSo) {
  EXPECT_EQ(StatusOfChild([] {
              std::signal(SIGHUP, SIG_IGN);
              const InterruptionWatch watch;
              ::kill(::getpid(), SIGHUP);
              if (!NeverBecomes(Deadline::In(kPause)).has_value() && !Interruption::HasCome()) {
                ::_exit(1);
              }
            }),
            1);
}

TEST(Interruption, ChildrenCanBeEndedAndAreNotEndedByTheTerminal) {
  EXPECT_EQ(StatusOfChild([] {
              const InterruptionWatch watch;
              ::_exit(StatusOfChild([] {
                        ::kill(::getpid(), SIGINT);
                        ::kill(::getpid(), SIGHUP);
                        ::kill(::getpid(), SIGTERM);
                      }) == -SIGTERM
                          ? 1
                          : 2);
            }),
            1);
}

TEST(Interruption, SignalsAreAsBeforeWithoutAWatch) {
  EXPECT_EQ(StatusOfChild([] {
              {
                const InterruptionWatch watch;
              }
              ::kill(::getpid(), SIGTERM);
            }),
            -SIGTERM);
}

}  // namespace
}  // namespace zcrx
