// Custody and guardian on a veth pair: runs that end in every way, and the NIC afterwards.
#include "support/guard/guardian.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/base/interruption_watch.h"
#include "support/base/unique_fd.h"
#include "support/base/wait.h"
#include "support/guard/custody.h"
#include "support/nic/channels.h"
#include "support/nic/declared_nic.h"
#include "support/nic/huge_pages.h"
#include "support/nic/state.h"
#include "test/unit/veth.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kNic = "veth0";
constexpr const char* kSelf = "/proc/self/exe";

// This program is the guardian too; see main().
std::string ThisProgram() { return std::filesystem::read_symlink(kSelf); }

// Nothing where it is that of a process which has just ended: iterators would throw.
std::string ReadFile(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Of the guardian that there is now, 0 for none.
pid_t GuardianPid() {
  const std::string arguments =
      std::string("\0guard\0veth0\0", 13) + std::getenv("ZCRX_STATE_DIR") + '\0';
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    if (ReadFile(entry.path() / "cmdline").ends_with(arguments)) {
      return std::stoi(entry.path().filename());
    }
  }
  return 0;
}

class GuardianTest : public Veth {
 protected:
  void SetUp() override {
    Veth::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    std::string name = std::filesystem::temp_directory_path() / "zcrx-guardian-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    ::setenv("ZCRX_STATE_DIR", (folder_ / "state").c_str(), 1);
    ASSERT_OK_AND_ASSIGN(found_, ReadNicState(nic()));
  }
  void TearDown() override {
    EndRun();
    if (folder_.empty()) return;
    // It has been told, and needs a moment to go.
    EXPECT_OK(Becomes(
        "no guardian is left", []() -> Result<bool> { return GuardianPid() == 0; }, Soon()));
    EXPECT_THAT(Changes(), IsEmpty());
    std::filesystem::remove_all(folder_);
    ::unsetenv("ZCRX_STATE_DIR");
    ::unsetenv(kGuardianKillAt);
  }

  [[nodiscard]] std::string JournalPath() const { return folder_ / "state/veth0.journal"; }
  [[nodiscard]] bool JournalThere() const { return std::filesystem::exists(JournalPath()); }
  std::vector<std::string> Changes() {
    const Result<NicState> now = ReadNicState(nic());
    if (!now) return {now.error().Text()};
    return Differences(found_, *now);
  }
  Result<Custody> Take() { return Custody::Take(kNic, 0s, ThisProgram(), said_); }

  // With a program that never says anything.
  [[nodiscard]] Guardian::Options Hanging() const {
    const std::string program = folder_ / "hangs";
    std::ofstream(program) << "#!/bin/sh\nexec sleep 60\n";
    ::chmod(program.c_str(), 0700);
    return {.program = program, .interface = kNic, .state_folder = "/"};
  }

  // What a run would change, without its undo.
  Status Change() {
    ZCRX_RETURN_IF_ERROR(SetChannels(nic(), {.rx = 2}));
    return SetMtu(nic(), 1400);
  }

  // Another process that takes the NIC, changes it, and waits for its end. In a session of its own.
  void StartRun() {
    int ready[2];
    ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
    run_ = ::fork();
    if (run_ == 0) {
      ::setsid();
      Result<Custody> custody = Take();
      HugePagesLock& pool = HugePagesLock::OfProcess();
      pool = HugePagesLock();  // the descriptor it has is this process's too
      const bool done = custody && custody->Begin(found_) && pool.Take(Soon()) && Change();
      if (!done || ::write(ready[1], "", 1) != 1) ::_exit(1);
      while (true) ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1) << "the run could not begin";
    ::close(ready[0]);
  }
  void EndRun(int signal = SIGKILL) {
    if (run_ <= 0) return;
    ::kill(-run_, signal);  // its whole group
    ::waitpid(run_, nullptr, 0);
    run_ = 0;
  }
  // Until nobody has the lock, the guardian included.
  static void ExpectFree() { EXPECT_OK(NicLock::Take(kNic, 10s)); }

  static void KillGuardian() {
    const pid_t guardian = GuardianPid();
    ASSERT_NE(guardian, 0);
    const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, guardian, 0)));
    ASSERT_EQ(::kill(guardian, SIGKILL), 0);
    // It has lost its command line before its descriptors, and ends after both.
    pollfd ended = {.fd = handle.Get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&ended, 1, Soon().RemainingMs()), 1);
  }

  NicState found_;
  std::string said_;
  std::filesystem::path folder_;
  pid_t run_ = 0;
};

TEST_F(GuardianTest, ARunThatUndoesItsChangesLeavesNothing) {
  ASSERT_OK_AND_ASSIGN(Custody custody, Take());
  EXPECT_EQ(said_, "");
  EXPECT_FALSE(JournalThere()) << "before it is about to change anything";
  ASSERT_OK(custody.Begin(found_));
  EXPECT_TRUE(JournalThere());
  EXPECT_OK(custody.Holds());
  DeclaredNic declared(nic(), found_);
  NicState fewer = found_;
  fewer.channels.rx = 2;
  ASSERT_OK(declared.Declare(fewer));
  EXPECT_THAT(declared.PutBack().errors, IsEmpty());
  EXPECT_THAT(custody.End(), IsEmpty());
  EXPECT_FALSE(JournalThere());
  EXPECT_THAT(custody.End(), IsEmpty()) << "twice";
  // For a further iteration of the tests.
  ASSERT_OK(custody.Begin(found_));
  EXPECT_OK(custody.Holds());
  EXPECT_THAT(custody.End(), IsEmpty());
}

TEST_F(GuardianTest, WhatARunForgetsIsPutBackAndAnError) {
  ASSERT_OK_AND_ASSIGN(Custody custody, Take());
  ASSERT_OK(custody.Begin(found_));
  ASSERT_OK(SetChannels(nic(), {.rx = 2}));
  const std::vector<Error> errors = custody.End();
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_THAT(errors[0].Text(),
              AllOf(HasSubstr("veth0 differed from the state it was found in: channels"),
                    HasSubstr("it has been put back")));
}

TEST_F(GuardianTest, AKilledRunIsPutBack) {
  StartRun();
  EXPECT_THAT(Changes(), testing::Not(IsEmpty()));
  EndRun();
  ExpectFree();
  EXPECT_THAT(Changes(), IsEmpty());
  EXPECT_FALSE(JournalThere());
}

// Or a run on another NIC would take what the killed one has set for what was found.
TEST_F(GuardianTest, NobodyElseHasTheHugePagesUntilAKilledRunIsPutBack) {
  StartRun();
  const pid_t guardian = GuardianPid();
  ASSERT_NE(guardian, 0);
  ASSERT_EQ(::kill(guardian, SIGSTOP), 0);
  EndRun();
  HugePagesLock others;
  EXPECT_THAT(others.Take(Deadline::In(100ms)), FailsWith(ETIMEDOUT));
  ASSERT_EQ(::kill(guardian, SIGCONT), 0);
  ExpectFree();
  EXPECT_OK(others.Take(Soon()));
}

TEST_F(GuardianTest, SignalsForTheRunDoNotEndTheGuardian) {
  StartRun();
  const pid_t guardian = GuardianPid();
  ASSERT_NE(guardian, 0);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) ::kill(guardian, signal);
  EndRun(SIGTERM);
  ExpectFree();
  EXPECT_THAT(Changes(), IsEmpty());
}

TEST_F(GuardianTest, HasASessionOfItsOwnAndIsNobodysChild) {
  StartRun();
  const pid_t guardian = GuardianPid();
  EXPECT_NE(::getsid(guardian), run_);
  EXPECT_NE(::getsid(guardian), ::getsid(0));
  EXPECT_THAT(ReadFile(fmt::format("/proc/{}/status", guardian)),
              testing::Not(HasSubstr(fmt::format("PPid:\t{}\n", run_))));
  // Nothing but its standard streams, the lock, the socket, and what it opened itself.
  for (const auto& entry :
       std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", guardian))) {
    const std::string target = std::filesystem::read_symlink(entry);
    EXPECT_FALSE(target.starts_with("pipe:") && entry.path().filename() != "2") << target;
  }
  EndRun();
  ExpectFree();
}

TEST_F(GuardianTest, WithTheGuardianKilledTooTheNextRunPutsBackFirstAndSaysSo) {
  StartRun();
  KillGuardian();
  EndRun();
  ExpectFree();
  EXPECT_THAT(Changes(), testing::Not(IsEmpty()));
  ASSERT_OK_AND_ASSIGN(const Custody custody, Take());
  EXPECT_THAT(said_, AllOf(HasSubstr("a killed run left veth0"), HasSubstr("by process"),
                           HasSubstr("channels"), HasSubstr("MTU")));
  EXPECT_THAT(Changes(), IsEmpty());
  EXPECT_FALSE(JournalThere());
}

TEST_F(GuardianTest, AGuardianKilledAtWorkLeavesTheRestToTheNextRun) {
  ::setenv(kGuardianKillAt, "before set_channels:1", 1);
  StartRun();
  EndRun();
  ExpectFree();
  EXPECT_THAT(Changes(), testing::Not(IsEmpty()));
  EXPECT_TRUE(JournalThere());
  ASSERT_OK(Take());
  EXPECT_THAT(said_, HasSubstr("a killed run left veth0"));
  EXPECT_THAT(Changes(), IsEmpty());
}

TEST_F(GuardianTest, ARunWithoutItsGuardianKnowsAndDoesItsWork) {
  ASSERT_OK_AND_ASSIGN(Custody custody, Take());
  ASSERT_OK(custody.Begin(found_));
  KillGuardian();
  const Status holds = custody.Holds();
  ASSERT_FALSE(holds.has_value());
  EXPECT_THAT(holds.error().Text(), AllOf(HasSubstr("the guardian of veth0 (process "),
                                          HasSubstr("has exited"), HasSubstr("put veth0 back")));
  ASSERT_OK(Change());
  const std::vector<Error> errors = custody.End();
  EXPECT_THAT(Changes(), IsEmpty());
  EXPECT_FALSE(JournalThere());
  EXPECT_EQ(errors.size(), 3U) << "no guardian, channels, MTU";
}

TEST_F(GuardianTest, ASecondRunIsRefusedAndOneThatWaitsHasTheNicAsItWas) {
  StartRun();
  const auto refused = Take();
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().Text(),
              HasSubstr(fmt::format("veth0 is in use by process {}", run_)));
  EndRun();
  EXPECT_OK(Custody::Take(kNic, 10s, ThisProgram(), said_));
  EXPECT_EQ(said_, "") << "the guardian was done before";
}

TEST_F(GuardianTest, ACutJournalIsRefusedAndNothingIsDone) {
  StartRun();
  KillGuardian();
  EndRun();
  const std::string whole = ReadFile(JournalPath());
  std::ofstream(JournalPath()) << whole.substr(0, whole.size() / 2);
  const std::vector<std::string> before = Changes();
  const auto refused = Take();
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().Text(), AllOf(HasSubstr(JournalPath()), HasSubstr("truncated")));
  EXPECT_EQ(Changes(), before);
  EXPECT_TRUE(JournalThere());

  std::ofstream(JournalPath()) << whole;
  EXPECT_OK(Take());
}

TEST_F(GuardianTest, OneThatDoesNotStartIsAnError) {
  const auto begin = [&](const std::string& program) -> std::string {
    Result<Custody> custody = Custody::Take(kNic, 0s, program, said_);
    if (!custody) return custody.error().Text();
    const Status begun = custody->Begin(found_);
    EXPECT_FALSE(JournalThere());
    EXPECT_THAT(custody->End(), IsEmpty());
    return begun ? "it began" : begun.error().Text();
  };
  EXPECT_THAT(begin("/nonexistent/zcrx_nic"), AllOf(HasSubstr("/nonexistent/zcrx_nic"),
                                                    HasSubstr("it must be in the suite's folder")));
  EXPECT_THAT(begin("/bin/true"), HasSubstr("/bin/true exited immediately"));
}

TEST_F(GuardianTest, OneThatHangsIsNotWaitedFor) {
  ASSERT_OK_AND_ASSIGN(const NicLock lock, NicLock::Take(kNic, 0s));
  EXPECT_THAT(Guardian::Start(Hanging(), lock, Deadline::In(300ms)), FailsWith(ETIMEDOUT));
}

TEST_F(GuardianTest, AnInterruptionEndsTheWaitForOneThatHangs) {
  ASSERT_OK_AND_ASSIGN(const NicLock lock, NicLock::Take(kNic, 0s));
  const InterruptionWatch watch(1s);
  EXPECT_THAT(Guardian::Start(Hanging(), lock, Soon()),
              FailsWithText(HasSubstr("interrupted by the limit of 1 s")));
}

TEST_F(GuardianTest, OneWithoutAJournalRefuses) {
  ASSERT_OK_AND_ASSIGN(const NicLock lock, NicLock::Take(kNic, 0s));
  const auto started = Guardian::Start(
      {.program = ThisProgram(), .interface = kNic, .state_folder = folder_ / "state"}, lock,
      Soon());
  ASSERT_FALSE(started.has_value());
  EXPECT_THAT(started.error().Text(), HasSubstr("veth0.journal"));
}

}  // namespace
}  // namespace zcrx

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view(argv[1]) == "guard") return zcrx::GuardNic(argv[2], argv[3]);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
