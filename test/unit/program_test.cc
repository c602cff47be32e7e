// The arguments, exit statuses and reports of a real program: program_helper.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/base/deadline.h"
#include "support/base/wait.h"

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::chrono::seconds kPatience{20};  // for what happens at once
constexpr std::chrono::seconds kEnds{2};       // where undoing takes 300 ms; ten are promised

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Outcome {
  int exit = -1;  // exit status, -1 where a signal ended it
  int signal = 0;
  std::string output;  // stdout and stderr
};

// Standard output becomes a pipe that nobody reads.
bool WriteToNobody() {
  std::array<int, 2> ends{};
  return ::pipe(ends.data()) == 0 && ::close(ends[0]) == 0 && ::dup2(ends[1], STDOUT_FILENO) >= 0;
}

class ProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "zcrx-program-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // In a folder and an environment of its own. `meanwhile` is called once it runs.
  Outcome Run(const std::vector<std::string>& arguments, const std::string& mode = "",
              const std::function<void(pid_t)>& meanwhile = {}) const {
    std::vector<std::string> words = {PROGRAM_HELPER};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::string variable = "HELPER_MODE=" + mode;
    char* const environment[] = {variable.data(), nullptr};
    const std::string log = folder_ / "log";

    const pid_t child = ::fork();
    if (child == 0) {
      if (::chdir(folder_.c_str()) != 0 || std::freopen(log.c_str(), "w", stdout) == nullptr ||
          ::dup2(STDOUT_FILENO, STDERR_FILENO) < 0 || (mode == "no-reader" && !WriteToNobody())) {
        ::_exit(126);
      }
      ::execve(argv[0], argv.data(), environment);
      ::_exit(127);
    }
    int status = 0;
    if (meanwhile) meanwhile(child);
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    Outcome outcome;
    if (WIFEXITED(status)) outcome.exit = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
    outcome.output = ReadFile(log);
    return outcome;
  }
  Outcome RunTests(const std::string& filter, std::vector<std::string> more = {},
                   const std::string& mode = "",
                   const std::function<void(pid_t)>& meanwhile = {}) const {
    more.insert(more.end(),
                {"--netif=eth1", "--local-v4=192.0.2.1", "--remote-v4=192.0.2.2",
                 "--remote-type=ssh", "--remote-args=peer", "--gtest_filter=" + filter});
    return Run(more, mode, meanwhile);
  }
  // Until the program has said `text`.
  void WaitUntilItSays(const std::string& text) const {
    EXPECT_OK(Becomes(
        "it says " + text, [&] { return Result<bool>(ReadFile(folder_ / "log").contains(text)); },
        Deadline::In(kPatience)));
  }
  std::string Report() const { return ReadFile(folder_ / "junit.xml"); }
  void ExpectWellFormed() const {
    if (std::system("xmllint --version >/dev/null 2>&1") != 0) return;
    EXPECT_EQ(std::system(("xmllint --noout " + (folder_ / "junit.xml").string()).c_str()), 0);
  }

  std::filesystem::path folder_;
};

TEST_F(ProgramTest, ExitStatusTellsHowTheTestsEnded) {
  EXPECT_EQ(RunTests("Helper.Passes").exit, 0);
  EXPECT_EQ(RunTests("Helper.Passes:Helper.Skips").exit, 0);
  EXPECT_EQ(RunTests("Helper.Passes:Helper.Skips:Helper.Fails").exit, 1);
  EXPECT_EQ(RunTests("Helper.None").exit, 3);
  EXPECT_EQ(RunTests("Helper.Skips").exit, 4);
}

TEST_F(ProgramTest, TellsWhereTheTimeWent) {
  const Outcome outcome =
      RunTests("Helper.Passes", {"--junit=" + (folder_ / "junit.xml").string()});
  EXPECT_THAT(outcome.output, ContainsRegex("\ntime: [0-9.]+ s: login 0.00, .*, rest [0-9.]+\n"));
  EXPECT_THAT(Report(), ContainsRegex(R"(<property name="seconds: rest" value="[0-9.]+"/>)"));
  ExpectWellFormed();
}

TEST_F(ProgramTest, WhatHappensOutsideOfTestsCounts) {
  EXPECT_EQ(RunTests("Helper.Passes", {}, "environment-fails").exit, 1);
  EXPECT_EQ(RunTests("Helper.Passes", {}, "environment-skips").exit, 4);
  EXPECT_EQ(RunTests("BadSuite.*").exit, 1);
}

// The helper's other output, which comes to the same log, is no line of TAP.
std::string TapOf(const std::string& log) {
  std::istringstream lines(log);
  std::string tap;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_search(line, std::regex("^(TAP|1\\.\\.|ok|not ok|#|Bail)"))) tap += line + '\n';
  }
  tap = std::regex_replace(tap, std::regex("time=[0-9]+ms"), "time");
  return std::regex_replace(tap, std::regex("at .*cc:[0-9]+"), "at the line");
}

TEST_F(ProgramTest, WritesTap) {
  const Outcome outcome = RunTests("Helper.Passes:Helper.Skips:Helper.Says", {"--tap"});
  EXPECT_EQ(outcome.exit, 1);
  EXPECT_EQ(TapOf(outcome.output),
            "TAP version 13\n"
            "1..3\n"
            "ok 1 Helper.Passes # time\n"
            "ok 2 Helper.Skips # SKIP large-chunks: gve answered \xff EOPNOTSUPP time\n"
            "# nobody connected\n"
            "# more\n"
            "# at the line\n"
            "not ok 3 Helper.Says # time\n");

  // As Perl reads it, whose format it is.
  std::ofstream(folder_ / "run.tap") << TapOf(outcome.output);
  constexpr const char* kCount =
      R"(perl -MTAP::Parser -e '$p = TAP::Parser->new({tap => join("", <STDIN>)}); $p->run;
           printf "%d good, %d of them skipped, %d bad, %d of %d, %d errors", scalar $p->passed,
             scalar $p->skipped, scalar $p->failed, $p->tests_run, $p->tests_planned,
             scalar $p->parse_errors')";
  const std::string read = (folder_ / "read").string();
  const std::string command =
      fmt::format("{} < {} > {}", kCount, (folder_ / "run.tap").string(), read);
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(ReadFile(read), "2 good, 1 of them skipped, 1 bad, 3 of 3, 0 errors");
}

TEST_F(ProgramTest, TapEndsEarlyForAFailureOutsideOfTests) {
  EXPECT_THAT(
      TapOf(RunTests("BadSuite.*", {"--tap"}).output),
      AllOf(HasSubstr("1..1\n# no queue left\n"), HasSubstr("\nBail out! no queue left\n")));
  EXPECT_THAT(TapOf(RunTests("Helper.Passes", {"--tap", "--gtest_repeat=2"}).output),
              AllOf(HasSubstr("1..2\nok 1 "), HasSubstr("\nok 2 ")));
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

TEST_F(ProgramTest, ACheckRunsNoTestAndHasItsOwnReportAndStatus) {
  const Outcome outcome = RunTests("Helper.Passes", {"--check", "--junit=junit.xml"});
  EXPECT_EQ(outcome.exit, 4);
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr("checked eth1"), Not(HasSubstr("opened")), Not(HasSubstr("RUN"))));
  EXPECT_THAT(Report(), AllOf(HasSubstr("name=\"link\""), Not(HasSubstr("Passes"))));
  ExpectWellFormed();
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

TEST_F(ProgramTest, TheReportHoldsEveryOutcome) {
  EXPECT_EQ(RunTests("Helper.Passes:Helper.Skips:Helper.Fails", {"--junit=junit.xml"}).exit, 1);
  EXPECT_THAT(
      Report(),
      AllOf(HasSubstr("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""),
            HasSubstr("classname=\"gve-eth1.Helper\""), HasSubstr("name=\"driver\" value=\"gve\""),
            HasSubstr("message=\"large-chunks: gve answered \uFFFD EOPNOTSUPP"),
            HasSubstr("byte \uFFFD of the stream"), HasSubstr("program_helper.cc:")));
  ExpectWellFormed();
}

TEST_F(ProgramTest, AFailuresTitleIsItsCause) {
  EXPECT_EQ(RunTests("Helper.Fails:Helper.Says", {"--junit=junit.xml"}).exit, 1);
  EXPECT_THAT(Report(),
              AllOf(HasSubstr("<failure message=\"Expected equality of these values: 1; 2; byte "),
                    HasSubstr("<failure message=\"nobody connected\">nobody connected&#10;more"),
                    Not(HasSubstr("message=\"test/unit"))));
}

TEST_F(ProgramTest, ACrashLeavesAReportThatNamesTheTest) {
  EXPECT_EQ(RunTests("Helper.Passes:Helper.Crashes", {"--junit=junit.xml"}).signal, SIGABRT);
  EXPECT_THAT(Report(), AllOf(HasSubstr("tests=\"2\" failures=\"0\" errors=\"1\""),
                              HasSubstr("<testcase name=\"Crashes\""),
                              HasSubstr("<error message=\"the test had not ended")));
  ExpectWellFormed();
}

TEST_F(ProgramTest, FailuresOutsideOfTestsAreInTheReport) {
  EXPECT_EQ(RunTests("BadSuite.*", {"--junit=junit.xml"}).exit, 1);
  EXPECT_THAT(Report(), HasSubstr("no queue left"));
  EXPECT_EQ(RunTests("Helper.Passes", {"--junit=junit.xml"}, "environment-fails").exit, 1);
  EXPECT_THAT(Report(), AllOf(HasSubstr("the peer's folder"), HasSubstr("failures=\"1\"")));
  ExpectWellFormed();
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

TEST_F(ProgramTest, AReaderThatHasGoneEndsNothing) {
  EXPECT_EQ(RunTests("Helper.Passes", {"--junit=junit.xml"}, "no-reader").exit, 0);
  EXPECT_THAT(Report(), HasSubstr("tests=\"1\" failures=\"0\""));
}

TEST_F(ProgramTest, AReportThatCannotBeWrittenIsFoundBeforeTheTests) {
  const Outcome outcome = RunTests("Helper.Passes", {"--junit=none/junit.xml"});
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("write none/junit.xml"), Not(HasSubstr("opened"))));
}

}  // namespace
}  // namespace zcrx
