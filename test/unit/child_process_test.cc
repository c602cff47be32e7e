#include "support/base/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>

#include "fixtures/result_matchers.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

Deadline Soon() { return Deadline::In(20s); }

TEST(ChildProcess, EndsWithTheStatusOfItsBody) {
  ASSERT_OK_AND_ASSIGN(ChildProcess child, ChildProcess::Start([](const UniqueFd&) { return 7; }));
  EXPECT_THAT(child.Wait(Soon()), IsOkAndHolds(7));
}

TEST(ChildProcess, SendsMessagesToItsParent) {
  ASSERT_OK_AND_ASSIGN(
      ChildProcess child, ChildProcess::Start([](const UniqueFd& channel) {
        const int number = 42;
        return send(channel.Get(), &number, sizeof(number), 0) == sizeof(number) ? 0 : 1;
      }));
  int number = 0;
  ASSERT_OK(child.Read(&number, sizeof(number), Soon()));
  EXPECT_EQ(number, 42);
  EXPECT_THAT(child.Read(&number, sizeof(number), Soon()), FailsWithText(HasSubstr("has ended")));
  EXPECT_THAT(child.Wait(Soon()), IsOkAndHolds(0));
}

TEST(ChildProcess, TellsWhichSignalEndedIt) {
  ASSERT_OK_AND_ASSIGN(ChildProcess child, ChildProcess::Start([](const UniqueFd&) {
                         pause();
                         return 0;
                       }));
  EXPECT_THAT(child.Wait(Deadline::In(10ms)), FailsWith(ETIMEDOUT));
  child.Kill();
  EXPECT_THAT(child.Wait(Soon()), FailsWithText(HasSubstr("signal 9")));
}

// Here its parent is a process of ours that is killed: nobody is left to wait for it.
TEST(ChildProcess, EndsWithItsParent) {
  ASSERT_OK_AND_ASSIGN(ChildProcess parent, ChildProcess::Start([](const UniqueFd& channel) {
                         const auto child = ChildProcess::Start([&](const UniqueFd&) {
                           const pid_t self = getpid();
                           if (send(channel.Get(), &self, sizeof(self), 0) == sizeof(self)) pause();
                           return 0;
                         });
                         if (child) pause();
                         return 1;
                       }));
  pid_t child = 0;
  ASSERT_OK(parent.Read(&child, sizeof(child), Soon()));
  parent.Kill();
  // The channel ends when the last one who has it does.
  EXPECT_THAT(parent.Read(&child, sizeof(child), Soon()), FailsWithText(HasSubstr("has ended")));
}

}  // namespace
}  // namespace zcrx
