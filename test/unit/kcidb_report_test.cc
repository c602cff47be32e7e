// What a run tells KCIDB. That it is as KCIDB's schema wants it: reports/kcidb_test.py.
#include "fixtures/program/kcidb_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fixtures/program/kcidb_file.h"
#include "fixtures/result_matchers.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr std::chrono::system_clock::time_point kStart{1'700'000'000s};  // 2023-11-14 22:13:20

ReportCase Case(const std::string& name, CaseOutcome outcome, const std::string& text = {}) {
  return {.suite = "ZcrxReceive",
          .name = name,
          .file = "test/hw/receive_test.cc",
          .line = 12,
          .outcome = outcome,
          .text = text,
          .start = kStart,
          .duration = 1500ms};
}

json TestOf(const ReportCase& one) {
  const Report report = {.subject = "gve-eth1-7.3.4",
                         .properties = {{"driver", "gve 1.0"}},
                         .cases = {one},
                         .start = kStart};
  const KcidbRun run = {.path = {}, .build = "maestro:6713", .origin = "our_lab", .id = "run"};
  size_t budget = kMaxTexts;
  return json::parse(RenderKcidbTest(report, 0, run, budget));
}

TEST(KcidbReport, NamesTheTestItsBuildAndWhatItRanOn) {
  EXPECT_EQ(TestOf(Case("DeliversEveryByteInOrder/flow_rule", CaseOutcome::kPassed)),
            json::parse(R"({
    "id": "our_lab:run-1",
    "origin": "our_lab",
    "build_id": "maestro:6713",
    "path": "zcrx-hwtest.ZcrxReceive.DeliversEveryByteInOrder.flow_rule",
    "status": "PASS",
    "start_time": "2023-11-14T22:13:20Z",
    "duration": 1.5,
    "environment": {"comment": "gve-eth1-7.3.4", "misc": {"driver": "gve 1.0"}},
    "misc": {"test": "ZcrxReceive.DeliversEveryByteInOrder/flow_rule",
             "source": "test/hw/receive_test.cc:12"}
  })"));
}

TEST(KcidbReport, HasAStatusForEachOutcome) {
  EXPECT_EQ(TestOf(Case("A", CaseOutcome::kPassed))["status"], "PASS");
  EXPECT_EQ(TestOf(Case("A", CaseOutcome::kSkipped))["status"], "SKIP");
  EXPECT_EQ(TestOf(Case("A", CaseOutcome::kFailed))["status"], "FAIL");
  EXPECT_EQ(TestOf(Case("A", CaseOutcome::kError))["status"], "ERROR");
  ReportCase not_run = Case("A", CaseOutcome::kSkipped);
  not_run.started = false;
  EXPECT_EQ(TestOf(not_run)["status"], "MISS") << "a skip says that it does not apply";
}

TEST(KcidbReport, SaysWhyWithTheCauseFirst) {
  const json failed = TestOf(Case("A", CaseOutcome::kFailed, "nobody connected\nmore"));
  EXPECT_EQ(failed["comment"], "nobody connected");
  EXPECT_EQ(failed["log_excerpt"], "nobody connected\nmore");
  EXPECT_EQ(TestOf(Case("A", CaseOutcome::kSkipped, "no zcrx"))["comment"], "no zcrx");
}

TEST(KcidbReport, MakesAPathOfAnyName) {
  const auto path = [](const std::string& name) {
    return TestOf(Case(name, CaseOutcome::kPassed))["path"].get<std::string>();
  };
  EXPECT_EQ(path("link_down-up"), "zcrx-hwtest.ZcrxReceive.link_down-up");
  EXPECT_EQ(path("a b\xff/c"), "zcrx-hwtest.ZcrxReceive.a_b_.c");
  EXPECT_EQ(path("/a//b./"), "zcrx-hwtest.ZcrxReceive.a.b");
  ReportCase again = Case("A", CaseOutcome::kPassed);
  again.repeat = 2;
  EXPECT_EQ(TestOf(again)["path"], "zcrx-hwtest.ZcrxReceive.A") << "it is the same test";
  EXPECT_EQ(TestOf(again)["misc"]["repeat"], 2);
}

TEST(KcidbReport, TellsTheGoodputAsItsNumber) {
  ReportCase one = Case("A", CaseOutcome::kPassed);
  one.properties = {{"goodput", "2097152 bytes in 0.016 s: 131.1 MB/s"},
                    {"goodput_bytes_per_second", "131072000"}};
  const json test = TestOf(one);
  EXPECT_EQ(test["number"],
            json::parse(R"({"value": 131072000, "unit": "B/s", "prefix": "metric"})"));
  EXPECT_EQ(test["misc"]["goodput"], "2097152 bytes in 0.016 s: 131.1 MB/s");
}

TEST(KcidbReport, CutsWhatIsTooLong) {
  const json test = TestOf(Case("A", CaseOutcome::kFailed, std::string(100'000, 'x')));
  const auto text = test["log_excerpt"].get<std::string>();
  EXPECT_LE(text.size(), 16384U);
  EXPECT_GT(text.size(), 16000U);
  EXPECT_THAT(text, HasSubstr("more bytes left out"));
}

TEST(KcidbReport, IsUtf8WhateverBytesTestsSay) {
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes += static_cast<char>(i);
  ReportCase one = Case("A", CaseOutcome::kFailed, all_bytes);
  one.properties = {{all_bytes, all_bytes}};
  const auto text = TestOf(one)["log_excerpt"].get<std::string>();
  EXPECT_THAT(text, AllOf(HasSubstr("ABC"), HasSubstr("\uFFFD")));
  EXPECT_FALSE(text.contains('\0')) << "the schema allows none";
}

class KcidbFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "zcrx-kcidb-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] KcidbRun Run() const {
    return {.path = folder_ / "kcidb.json", .build = "a:b", .origin = "a", .id = {}};
  }
  [[nodiscard]] json Tests() const {
    std::ifstream file(folder_ / "kcidb.json");
    const json document = json::parse(file);
    EXPECT_EQ(document["version"], json::parse(R"({"major": 5, "minor": 3})"));
    return document["tests"];
  }
  std::filesystem::path folder_;
};

TEST_F(KcidbFileTest, IsWholeAfterEveryTest) {
  auto file = KcidbFile::Make(Run());
  ASSERT_OK(file);
  Report report;
  ASSERT_OK((*file)->Write(report));
  EXPECT_THAT(Tests(), SizeIs(0));
  for (size_t i = 1; i <= 3; ++i) {
    report.cases.push_back(Case("A", CaseOutcome::kError, "had not ended"));
    ASSERT_OK((*file)->Add(report, true));
    EXPECT_THAT(Tests(), SizeIs(i));
    EXPECT_EQ(Tests().back()["status"], "ERROR");
    report.cases.back() = Case("A", CaseOutcome::kPassed);
    ASSERT_OK((*file)->Add(report, false));
    EXPECT_EQ(Tests().back()["status"], "PASS");
  }
  const json before = Tests();
  ASSERT_OK((*file)->Write(report));
  EXPECT_EQ(Tests(), before) << "a second submission is the same";
  EXPECT_NE(before[0]["id"], before[1]["id"]);
}

TEST_F(KcidbFileTest, EachRunHasIdsOfItsOwn) {
  Report report;
  report.cases = {Case("A", CaseOutcome::kPassed)};
  std::vector<json> ids;
  for (int i = 0; i < 2; ++i) {
    auto file = KcidbFile::Make(Run());
    ASSERT_OK(file);
    ASSERT_OK((*file)->Write(report));
    ids.push_back(Tests()[0]["id"]);
  }
  EXPECT_NE(ids[0], ids[1]);
}

}  // namespace
}  // namespace zcrx
