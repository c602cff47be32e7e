// The arguments, exit statuses and reports of a real program: program_helper.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Outcome {
  int exit = -1;  // exit status, -1 where a signal ended it
  int signal = 0;
  std::string output;  // stdout and stderr
};

class ProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "zcrx-program-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // In a folder and an environment of its own.
  Outcome Run(const std::vector<std::string>& arguments, const std::string& mode = "") const {
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
          ::dup2(STDOUT_FILENO, STDERR_FILENO) < 0) {
        ::_exit(126);
      }
      ::execve(argv[0], argv.data(), environment);
      ::_exit(127);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    Outcome outcome;
    if (WIFEXITED(status)) outcome.exit = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
    outcome.output = ReadFile(log);
    return outcome;
  }
  Outcome RunTests(const std::string& filter, std::vector<std::string> more = {},
                   const std::string& mode = "") const {
    more.insert(more.end(),
                {"--netif=eth1", "--local-v4=192.0.2.1", "--remote-v4=192.0.2.2",
                 "--remote-type=ssh", "--remote-args=peer", "--gtest_filter=" + filter});
    return Run(more, mode);
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
  for (const char* argument :
       {"--verbose", "eth1", "--gtest_filtre=*", "--gtest-filter=*", "-gtest_filter=*", "--netif",
        "--netif=", "--gtest_repeat=often", "--junit=", "--NETIF=eth1", ""}) {
    SCOPED_TRACE(argument);
    const Outcome outcome = RunTests("Helper.Passes", {argument});
    EXPECT_EQ(outcome.exit, 2);
    EXPECT_THAT(outcome.output,
                AllOf(HasSubstr(fmt::format("argument {}", argument)), Not(HasSubstr("opened"))));
  }
  EXPECT_EQ(RunTests("Helper.Passes", {"--netif=eth2"}).exit, 2) << "given twice";
}

TEST_F(ProgramTest, WithoutAConfigurationNothingIsTouched) {
  const Outcome outcome = Run({"--gtest_filter=Helper.Passes"});
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("NETIF is missing"), Not(HasSubstr("opened"))));
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

TEST_F(ProgramTest, HelpShowsOurFlagsAndStatuses) {
  const Outcome outcome = Run({"--help"});
  EXPECT_EQ(outcome.exit, 0);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("--remote-args=..."), HasSubstr("--junit=FILE"),
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

TEST_F(ProgramTest, AReportThatCannotBeWrittenIsFoundBeforeTheTests) {
  const Outcome outcome = RunTests("Helper.Passes", {"--junit=none/junit.xml"});
  EXPECT_EQ(outcome.exit, 2);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("write none/junit.xml"), Not(HasSubstr("opened"))));
}

}  // namespace
}  // namespace zcrx
