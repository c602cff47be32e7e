#include "support/guard/nic_lock.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/base/deadline.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

// Another process that does one thing and then waits for its end.
class Other {
 public:
  // `act` is called in it; returns once it has succeeded.
  template <typename Act>
  explicit Other(Act act) {
    int ready[2];
    EXPECT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ready[0]);
      const auto held = act();
      if (!held || ::write(ready[1], "", 1) != 1) ::_exit(1);
      while (true) ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1) << "the other process could not";
    ::close(ready[0]);
  }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;
  ~Other() { Kill(); }

  [[nodiscard]] pid_t Pid() const { return pid_; }
  void Kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

class NicLockTest : public ::testing::Test {
 protected:
  [[nodiscard]] auto TakeIt() const {
    return [this] { return NicLock::Take(nic_, 0s); };
  }
  // As somebody hostile would: bound, with `backlog` (-1: not listening).
  [[nodiscard]] Result<UniqueFd> Squat(int backlog) const {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    const std::string name = "zcrx-hwtest/nic/" + nic_;
    std::ranges::copy(name, address.sun_path + 1);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (::bind(fd.Get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
        (backlog >= 0 && ::listen(fd.Get(), backlog) != 0)) {
      return FailErrno("squat");
    }
    return fd;
  }
  [[nodiscard]] std::string Refusal(std::chrono::seconds wait = 0s) const {
    const Result<NicLock> lock = NicLock::Take(nic_, wait);
    return lock ? "it was free" : lock.error().Text();
  }

  // No interface, and nobody else's.
  std::string nic_ = "test" + std::to_string(::getpid());
};

TEST_F(NicLockTest, ASecondProcessIsToldOfTheFirstAtOnce) {
  const Other holder(TakeIt());
  EXPECT_THAT(Refusal(),
              AllOf(HasSubstr(nic_ + " is in use by process " + std::to_string(holder.Pid())),
                    HasSubstr("nic_lock_test"), ContainsRegex("started [0-9]+ s ago"),
                    HasSubstr("wait for it with --wait=SECONDS")));
}

TEST_F(NicLockTest, AHolderThatIsStoppedIsNamedAllTheSame) {
  const Other holder(TakeIt());
  ::kill(holder.Pid(), SIGSTOP);
  EXPECT_THAT(Refusal(), HasSubstr("process " + std::to_string(holder.Pid())));
}

TEST_F(NicLockTest, IsFreeWhenTheHolderWasKilled) {
  Other holder(TakeIt());
  holder.Kill();
  EXPECT_OK(NicLock::Take(nic_, 0s));
}

TEST_F(NicLockTest, IsFreeOnceReleased) {
  {
    ASSERT_OK_AND_ASSIGN(const NicLock lock, NicLock::Take(nic_, 0s));
    EXPECT_THAT(Refusal(), HasSubstr("in use by process " + std::to_string(::getpid())));
  }
  EXPECT_OK(NicLock::Take(nic_, 0s));
}

TEST_F(NicLockTest, OtherInterfacesAreOthers) {
  ASSERT_OK_AND_ASSIGN(const NicLock lock, NicLock::Take(nic_, 0s));
  EXPECT_OK(NicLock::Take(nic_ + "b", 0s));
}

TEST_F(NicLockTest, WaitingEndsWhenTheHolderDoes) {
  Other holder(TakeIt());
  // Longer than a test may take: only the holder's end can end it.
  auto waiting = std::async(std::launch::async, [this] { return NicLock::Take(nic_, 3600s); });
  ASSERT_EQ(waiting.wait_for(200ms), std::future_status::timeout) << "it is taken";
  holder.Kill();
  EXPECT_OK(waiting.get());
}

TEST_F(NicLockTest, OfManyThatWaitOneHasIt) {
  constexpr size_t kWaiting = 8;
  std::optional<Other> holder(TakeIt());
  std::vector<std::future<Result<NicLock>>> waiting;
  waiting.reserve(kWaiting);
  for (size_t i = 0; i < kWaiting; ++i) {
    waiting.push_back(std::async(std::launch::async, [this] { return NicLock::Take(nic_, 1s); }));
  }
  holder.reset();
  int have = 0;
  std::vector<Result<NicLock>> results;
  results.reserve(kWaiting);
  for (auto& one : waiting) results.push_back(one.get());
  for (const auto& result : results) have += result.has_value() ? 1 : 0;
  EXPECT_EQ(have, 1);
}

TEST_F(NicLockTest, WaitingEndsAtItsDeadline) {
  const Other holder(TakeIt());
  const auto begin = Deadline::Clock::now();
  EXPECT_THAT(Refusal(1s), AllOf(HasSubstr("process " + std::to_string(holder.Pid())),
                                 HasSubstr("waited 1 s for it")));
  EXPECT_GE(Deadline::Clock::now() - begin, 1s);
}

TEST_F(NicLockTest, WhoInheritsItHoldsItAndIsNamed) {
  std::optional<Other> heir;
  {
    ASSERT_OK_AND_ASSIGN(const NicLock lock, NicLock::Take(nic_, 0s));
    heir.emplace([&lock] { return NicLock::Inherit(UniqueFd(::dup(lock.Fd()))); });
  }
  EXPECT_THAT(Refusal(), HasSubstr("process " + std::to_string(heir->Pid())));
  heir->Kill();
  EXPECT_OK(NicLock::Take(nic_, 0s));
}

TEST_F(NicLockTest, OneThatNeverListensDoesNotHoldUsUp) {
  const Other holder([this] { return Squat(-1); });
  EXPECT_THAT(Refusal(), HasSubstr("in use by an unidentified process"));
}

TEST_F(NicLockTest, OneWithNoRoomForMoreDoesNotHoldUsUp) {
  const Other holder([this] { return Squat(0); });
  EXPECT_THAT(Refusal(), HasSubstr("process " + std::to_string(holder.Pid())));
  EXPECT_THAT(Refusal(), HasSubstr("in use by a process that already has too many waiters"));
}

}  // namespace
}  // namespace zcrx
