// The arguments and exit statuses of a real program, and how it ends.
#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include "test/unit/program_run.h"

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::chrono::seconds kEnds{2};  // where undoing takes 300 ms; ten are promised

TEST_F(ProgramTest, ExitStatusTellsHowTheTestsEnded) {
  EXPECT_EQ(RunTests("Helper.Passes").exit, 0);
  EXPECT_EQ(RunTests("Helper.Passes:Helper.Skips").exit, 0);
  EXPECT_EQ(RunTests("Helper.Passes:Helper.Skips:Helper.Fails").exit, 1);
  EXPECT_EQ(RunTests("Helper.None").exit, 3);
  EXPECT_EQ(RunTests("Helper.Skips").exit, 4);
}

TEST_F(ProgramTest, WhatHappensOutsideOfTestsCounts) {
  EXPECT_EQ(RunTests("Helper.Passes", {}, "environment-fails").exit, 1);
  EXPECT_EQ(RunTests("Helper.Passes", {}, "environment-skips").exit, 4);
  EXPECT_EQ(RunTests("BadSuite.*").exit, 1);
}

TEST_F(ProgramTest, RepeatingCountsEveryIteration) {
  EXPECT_EQ(RunTests("Helper.Passes:Helper.Skips", {"--gtest_repeat=2"}).exit, 0);
  EXPECT_EQ(RunTests("Helper.Fails", {"--gtest_repeat=2"}).exit, 1);
  EXPECT_EQ(RunTests("Helper.None", {"--gtest_repeat=2"}).exit, 3);
}

TEST_F(ProgramTest, RefusesArgumentsItDoesNotKnow) {
  for (const std::string argument :
       {"--verbose", "eth1", "--gtest_filtre=*", "--gtest-filter=*", "-gtest_filter=*", "--netif",
        "--netif=", "--gtest_repeat=often", "--junit=", "--NETIF=eth1", "", "--limit=", "--limit=0",
        "--limit=-1", "--limit=1.5", "--limit=1s", "--limit=99999999999"}) {
    SCOPED_TRACE(argument);
    const Outcome outcome = RunTests("Helper.Passes", {argument});
    EXPECT_EQ(outcome.exit, 2);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr(argument.substr(0, argument.find('='))),
                                      Not(HasSubstr("opened")), Not(HasSubstr("Test Selection"))));
  }
  EXPECT_EQ(RunTests("Helper.Passes", {"--netif=eth2"}).exit, 2) << "given twice";
}

TEST_F(ProgramTest, AValueMayStandBehindItsFlag) {
  EXPECT_EQ(RunTests("Helper.Passes", {"--wait", "30"}).exit, 0);
  EXPECT_EQ(RunTests("Helper.Passes", {"--wait=30"}).exit, 0);
  EXPECT_EQ(RunTests("Helper.Passes", {"--wait", "30", "31"}).exit, 2);
  EXPECT_EQ(RunTests("Helper.Passes", {"--wait"}).exit, 2);
  EXPECT_EQ(RunTests("Helper.Passes", {"--gtest_brief", "1"}).exit, 2);
}

TEST_F(ProgramTest, WithoutAConfigurationNothingIsTouched) {
  const Outcome outcome = Run({"--gtest_filter=Helper.Passes"});
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("NETIF is missing"), Not(HasSubstr("opened"))));
}

TEST_F(ProgramTest, TestsThatNeedNoNicNeedNoConfiguration) {
  const Outcome outcome = Run({"--gtest_filter=FreeHelper.*", "--promised=a,b"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.output, HasSubstr("opened without a NIC, 2 promised"));
  EXPECT_EQ(Run({"--gtest_filter=FreeHelper.*:Helper.Passes"}).exit, 2);
  EXPECT_EQ(Run({"--gtest_filter=FreeHelper.*", "--wait=never"}).exit, 2);
}

TEST_F(ProgramTest, ConfiguredOrNotTheyLeaveTheNicAlone) {
  const Outcome outcome = RunTests("FreeHelper.*");
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.output, Not(HasSubstr("opened eth1")));
  EXPECT_THAT(RunTests("FreeHelper.*:Helper.Passes").output, HasSubstr("opened eth1"));
}

// Half a configuration is a mistake; none is a machine without a NIC.
TEST_F(ProgramTest, WithoutANicItRunsWhatNeedsNone) {
  const Outcome outcome = Run({});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("no NIC is configured"), HasSubstr("Running 1 test"),
                                    Not(HasSubstr("opened eth1"))));
  for (const std::string half : {"--local-v4=192.0.2.1", "--remote-type=ssh", "--config=none",
                                 "--promised=header-split", "--remote-dir=/scratch"}) {
    EXPECT_EQ(Run({half}).exit, 2) << half;
  }
  EXPECT_EQ(Run({"--check"}).exit, 2);
}

TEST_F(ProgramTest, ATestbedThatCannotBeOpenedIsNoFailureOfATest) {
  const Outcome outcome = RunTests("Helper.Passes", {}, "open-fails");
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr("open eth1: No such device (ENODEV)"), Not(HasSubstr("RUN"))));
}

TEST_F(ProgramTest, ListingTestsNeedsNoConfigurationAndOpensNothing) {
  const Outcome outcome = Run({"--gtest_list_tests"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("Helper.\n  Passes\n"), Not(HasSubstr("opened"))));
}

TEST_F(ProgramTest, TakesEveryFlagThatGoogleTestHas) {
  for (const char* const argument : {"--gtest_throw_on_failure=0", "--gtest_stream_result_to=",
                                     "--gtest_list_tests=f", "--gtest_list_tests=0"}) {
    SCOPED_TRACE(argument);
    EXPECT_EQ(RunTests("Helper.Passes", {argument}).exit, 0);
  }
  std::ofstream(folder_ / "flags") << "--gtest_list_tests\n";
  const Outcome outcome = Run({"--gtest_flagfile=flags"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("  Passes\n"), Not(HasSubstr("opened"))));
}

TEST_F(ProgramTest, SaysItsVersion) {
  const Outcome outcome = Run({"--version"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.output,
              ::testing::MatchesRegex("zcrx_tests [0-9.]+( \\([0-9a-f]+(-dirty)?\\))?\n"));
}

TEST_F(ProgramTest, HelpShowsOurFlagsAndStatuses) {
  const Outcome outcome = Run({"--help"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("--remote-args=..."), HasSubstr("--junit=FILE"),
                                    HasSubstr("--limit=SECONDS"), HasSubstr("SIGHUP"),
                                    HasSubstr("4 everything skipped"), Not(HasSubstr("opened"))));
}

class ProgramInterrupted : public ProgramTest, public ::testing::WithParamInterface<int> {};

TEST_P(ProgramInterrupted, FailsTheTestAndUndoesAndReportsAndEnds) {
  const std::string reason = std::string("interrupted by SIG") + ::sigabbrev_np(GetParam());
  std::chrono::steady_clock::time_point sent;
  const Outcome outcome =
      RunTests("HelperWaits.ForEver", {"--junit=junit.xml"}, "", [&](pid_t program) {
        WaitUntilItSays("waiting");
        sent = std::chrono::steady_clock::now();
        ::kill(program, GetParam());
        WaitUntilItSays("undoing");
        ::kill(program, GetParam());  // again, in the middle of it
        ::kill(program, SIGTERM);
      });
  EXPECT_LT(std::chrono::steady_clock::now() - sent, kEnds);
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("undone"), HasSubstr(reason)));
  EXPECT_THAT(Report(), HasSubstr("Operation canceled (ECANCELED): " + reason));
  ExpectWellFormed();
}

TEST_F(ProgramTest, ASignalWhileItEndsIsNotItsStatus) {
  const Outcome outcome =
      RunTests("HelperWaits.ForEver", {}, "interrupted-again-at-its-end", [&](pid_t program) {
        WaitUntilItSays("waiting");
        ::kill(program, SIGHUP);
      });
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("undone"), HasSubstr("interrupted by SIGHUP")));
}

INSTANTIATE_TEST_SUITE_P(, ProgramInterrupted, ::testing::Values(SIGINT, SIGTERM, SIGHUP),
                         [](const auto& info) { return std::string(::sigabbrev_np(info.param)); });

TEST_F(ProgramTest, AnInterruptedRunStartsNoFurtherTest) {
  const Outcome outcome =
      RunTests("HelperWaits.*", {"--junit=junit.xml", "--gtest_repeat=-1"}, "", [&](pid_t program) {
        WaitUntilItSays("waiting");
        ::kill(program, SIGTERM);
      });
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(Report(), AllOf(HasSubstr("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\""),
                              HasSubstr("message=\"not run: interrupted by SIGTERM\"")));
  ExpectWellFormed();
}

TEST_F(ProgramTest, ARunThatIsInterruptedBetweenTestsHasNotPassed) {
  EXPECT_EQ(RunTests("Helper.Passes", {"--junit=junit.xml"}, "interrupted").exit, 1);
  EXPECT_THAT(Report(), HasSubstr("message=\"not run: interrupted by SIGTERM\""));
}

TEST_F(ProgramTest, AnInterruptionBeforeTheTestsIsNoBadUsage) {
  const Outcome outcome = RunTests("Helper.Passes", {}, "open-waits", [&](pid_t program) {
    WaitUntilItSays("waiting");
    ::kill(program, SIGINT);
  });
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("interrupted by SIGINT"), Not(HasSubstr("RUN"))));
}

TEST_F(ProgramTest, TheLimitInterruptsTheRun) {
  const Outcome outcome = RunTests("HelperWaits.ForEver", {"--limit=1"});
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr("undone"), HasSubstr("interrupted by the limit of 1 s")));
  EXPECT_EQ(RunTests("Helper.Passes", {"--limit=3600"}).exit, 0);
}

}  // namespace
}  // namespace zcrx
