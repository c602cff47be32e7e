// The reports of a real program. What other programs read in them: reports/*_test.py.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "test/unit/program_run.h"

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(ProgramTest, TellsWhereTheTimeWent) {
  const Outcome outcome =
      RunTests("Helper.Passes", {"--junit=" + (folder_ / "junit.xml").string()});
  EXPECT_THAT(outcome.output, ContainsRegex("\ntime: [0-9.]+ s: login 0.00, .*, rest [0-9.]+\n"));
  EXPECT_THAT(Report(), ContainsRegex(R"(<property name="seconds: rest" value="[0-9.]+"/>)"));
  ExpectWellFormed();
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
            "# goodput_bytes_per_second: 131072000\n"
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

TEST_F(ProgramTest, WritesForKcidb) {
  const std::vector<std::string> flags = {"--kcidb=kcidb.json", "--kcidb-build=maestro:6713"};
  EXPECT_EQ(RunTests("Helper.Passes:Helper.Says", flags).exit, 1);
  EXPECT_THAT(ReadFile(folder_ / "kcidb.json"),
              AllOf(HasSubstr(R"("build_id": "maestro:6713")"), HasSubstr(R"("origin": "maestro")"),
                    HasSubstr(R"("comment": "nobody connected")"),
                    HasSubstr(R"("comment": "gve-eth1-7.3.4")")));
  EXPECT_EQ(RunTests("Helper.Crashes", flags).signal, SIGABRT);
  EXPECT_THAT(ReadFile(folder_ / "kcidb.json"),
              AllOf(HasSubstr(R"("status": "ERROR")"), HasSubstr("the test had not ended")));
  EXPECT_EQ(RunTests("Helper.Passes", flags, "interrupted").exit, 1);
  EXPECT_THAT(ReadFile(folder_ / "kcidb.json"), HasSubstr(R"("status": "MISS")"));
}

TEST_F(ProgramTest, WritesBothReports) {
  EXPECT_EQ(RunTests("Helper.Passes", {"--junit=junit.xml", "--kcidb=kcidb.json",
                                       "--kcidb-build=maestro:6713", "--kcidb-origin=our_lab"})
                .exit,
            0);
  EXPECT_THAT(Report(), HasSubstr("tests=\"1\" failures=\"0\""));
  EXPECT_THAT(ReadFile(folder_ / "kcidb.json"), HasSubstr(R"("id": "our_lab:)"));
}

TEST_F(ProgramTest, SaysWhatKcidbLacks) {
  struct Wrong {
    std::vector<std::string> flags;
    std::string said;
  };
  for (const auto& [flags, said] : std::vector<Wrong>{
           {{"--kcidb=k"}, "--kcidb needs --kcidb-build=ORIGIN:ID"},
           {{"--kcidb-build=a:b"}, "need --kcidb=FILE"},
           {{"--kcidb-origin=a"}, "need --kcidb=FILE"},
           {{"--kcidb=k", "--kcidb-build=a"}, "--kcidb-build \"a\": not ORIGIN:ID"},
           {{"--kcidb=k", "--kcidb-build=a:"}, "--kcidb-build \"a:\": not ORIGIN:ID"},
           {{"--kcidb=k", "--kcidb-build=:a"}, "--kcidb-build \":a\": not ORIGIN:ID"},
           {{"--kcidb=k", "--kcidb-build=My-Lab:a"}, "\"My-Lab:a\": not ORIGIN:ID"},
           {{"--kcidb=k", "--kcidb-build=a:b", "--kcidb-origin=A"}, "--kcidb-origin \"A\": not of"},
           {{"--kcidb=k", "--kcidb-build=a:b", "--junit=k"}, "--junit and --kcidb name one file"},
           {{"--kcidb=none/k", "--kcidb-build=a:b"}, "write none/k"}}) {
    SCOPED_TRACE(said);
    const Outcome outcome = RunTests("Helper.Passes", flags);
    EXPECT_EQ(outcome.exit, 2);
    EXPECT_THAT(outcome.output, AllOf(HasSubstr(said), Not(HasSubstr("opened"))));
  }
}

TEST_F(ProgramTest, TapEndsEarlyForAFailureOutsideOfTests) {
  EXPECT_THAT(
      TapOf(RunTests("BadSuite.*", {"--tap"}).output),
      AllOf(HasSubstr("1..1\n# no queue left\n"), HasSubstr("\nBail out! no queue left\n")));
  EXPECT_THAT(TapOf(RunTests("Helper.Passes", {"--tap", "--gtest_repeat=2"}).output),
              AllOf(HasSubstr("1..2\n"), HasSubstr("\nok 1 "), HasSubstr("\nok 2 ")));
}

TEST_F(ProgramTest, ACheckRunsNoTestAndHasItsOwnReportAndStatus) {
  const Outcome outcome = RunTests("Helper.Passes", {"--check", "--junit=junit.xml"});
  EXPECT_EQ(outcome.exit, 4);
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr("checked eth1"), Not(HasSubstr("opened")), Not(HasSubstr("RUN"))));
  EXPECT_THAT(Report(), AllOf(HasSubstr("name=\"link\""), Not(HasSubstr("Passes"))));
  ExpectWellFormed();
}

TEST_F(ProgramTest, TheReportHoldsEveryOutcome) {
  EXPECT_EQ(RunTests("Helper.Passes:Helper.Skips:Helper.Fails", {"--junit=junit.xml"}).exit, 1);
  EXPECT_THAT(Report(),
              AllOf(HasSubstr("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""),
                    HasSubstr("classname=\"gve-eth1-7.3.4.Helper\""),
                    HasSubstr("name=\"driver\" value=\"gve\""),
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
