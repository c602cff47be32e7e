// Signs of life: what a program hears without the caller's doing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <chrono>
#include <thread>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/base/wait.h"
#include "test/unit/ssh_peer_fixture.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using SshSignsOfLifeTest = SshPeerTest;

// Whatever this thread does: it only looks at what arrives.
TEST_F(SshSignsOfLifeTest, ComeByThemselvesUntilStdinIsClosed) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  const std::string heard = server_->Folder().Path() / "heard";
  ASSERT_OK_AND_ASSIGN(auto process,
                       peer->Run(Shell("exec cat > '" + heard + "'"), Deadline::In(kSoon)));
  ASSERT_OK(process->KeepAlive(kSignOfLife, Deadline::In(kSoon)));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_OK(Becomes(
      "four signs of life are there", [&] { return Result<bool>(ReadFile(heard).size() >= 4); },
      Deadline::In(kSoon)));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 3 * kSignOfLife);
  EXPECT_OK(process->CloseStdin(Deadline::In(kSoon)));
  EXPECT_OK(process->WaitForSuccess(Deadline::In(kSoon)));
}

TEST_F(SshSignsOfLifeTest, EachProgramHearsInItsOwnPeriod) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  const auto start = [&](const std::string& file, auto period) {
    auto process = peer->Run(Shell("exec cat > '" + file + "'"), Deadline::In(kSoon));
    EXPECT_OK(process);
    EXPECT_OK((*process)->KeepAlive(period, Deadline::In(kSoon)));
    return *std::move(process);
  };
  const std::string folder = server_->Folder().Path();
  const auto seldom = start(folder + "/seldom", 10min);
  const auto often = start(folder + "/often", kSignOfLife);  // while the other's is waited for
  EXPECT_OK(Becomes(
      "three signs of life are there",
      [&] { return Result<bool>(ReadFile(folder + "/often").size() >= 3); }, Deadline::In(kSoon)));
  EXPECT_EQ(ReadFile(folder + "/seldom"), "");
}

TEST_F(SshSignsOfLifeTest, DisturbNothingElseInTheSession) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  std::vector<std::unique_ptr<PeerProcess>> kept;
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(auto process, peer->Run({"cat"}, Deadline::In(kSoon)));
    ASSERT_OK(process->KeepAlive(kSignOfLife, Deadline::In(kSoon)));
    kept.push_back(std::move(process));
  }
  const std::string file = server_->Folder().Write("file", Patient(300'000));
  const Deadline enough = Deadline::In(4 * kSignOfLife);
  while (!enough.Expired()) {
    ASSERT_OK_AND_ASSIGN(auto process, peer->Run({"echo", "hello"}, Deadline::In(kSoon)));
    EXPECT_OK(process->WaitForLine("hello", Deadline::In(kSoon)));
    ASSERT_OK_AND_ASSIGN(auto deployed, peer->Deploy(file, {}, Deadline::In(kSoon)));
    EXPECT_OK(deployed->Remove(Deadline::In(kSoon)));
  }
  for (const auto& process : kept) {
    EXPECT_OK(process->WaitForLine("", Deadline::In(kSoon))) << "what cat sends back";
    EXPECT_OK(process->CloseStdin(Deadline::In(kSoon)));
    EXPECT_OK(process->WaitForSuccess(Deadline::In(kSoon)));
  }
}

// As when Interruption::kForUndo has passed: the channel stays in the session.
TEST_F(SshSignsOfLifeTest, EndWithAProcessThatHasNoTimeForItsGoodbye) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  ASSERT_OK_AND_ASSIGN(auto other, peer->Run({"cat"}, Deadline::In(kSoon)));
  ASSERT_OK_AND_ASSIGN(auto destroyed, peer->Run({"cat"}, Deadline::In(kSoon)));
  ASSERT_OK(destroyed->KeepAlive(10ms, Deadline::In(kSoon)));
  ASSERT_OK(destroyed->WaitForLine("", Deadline::In(kSoon))) << "what cat sends back";
  Deadline::Stretch(0);
  destroyed.reset();
  Deadline::Stretch(1);
  // Would receive what cat sends back into the destroyed process.
  EXPECT_THAT(other->ReadLine(Deadline::In(500ms)), FailsWith(ETIMEDOUT));
}

// From now on this thread has the CPU only when no other thread of the process wants it.
void ComeLast() {
  const sched_param none{};
  ASSERT_EQ(::sched_setscheduler(0, SCHED_IDLE, &none), 0);
}

void StayOnThisCpu() {
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(static_cast<size_t>(::sched_getcpu()), &here);
  ASSERT_EQ(::sched_setaffinity(0, sizeof(here), &here), 0);
}

// libssh receives while it sends: the answer to the first sign of life comes while the others are
// sent, and is read before the thread that waits for it has its turn. (Most times: hence rounds.)
TEST_F(SshSignsOfLifeTest, ALineThatComesWithASignOfLifeIsHeard) {
  constexpr int kRounds = 4;
  constexpr int kSilent = 8;  // of the ten programs that sshd allows on a connection
  constexpr int kSignsToEach = 50;
  const auto round = [this] {
    StayOnThisCpu();  // and so does the thread of the signs of life, which is started from here
    ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
    ASSERT_OK_AND_ASSIGN(
        auto answers, peer->Run(Shell("read x; echo heard; cat >/dev/null"), Deadline::In(kSoon)));
    ASSERT_OK(answers->KeepAlive(kSignOfLife, Deadline::In(kSoon)));
    std::vector<std::unique_ptr<PeerProcess>> silent(kSilent);
    for (auto& process : silent) {
      ASSERT_OK_AND_ASSIGN(process, peer->Run(Shell("cat >/dev/null"), Deadline::In(kSoon)));
      for (int sign = 0; sign < kSignsToEach; ++sign) {
        ASSERT_OK(process->KeepAlive(kSignOfLife, Deadline::In(kSoon)));
      }
    }
    ComeLast();
    const Deadline deadline = Deadline::In(kSoon);
    ASSERT_OK(answers->WaitForLine("heard", deadline));
    EXPECT_FALSE(deadline.Expired()) << "it was there, and nobody looked";
  };
  for (int done = 0; done < kRounds && !HasFailure(); ++done) std::thread(round).join();
}

}  // namespace
}  // namespace zcrx
