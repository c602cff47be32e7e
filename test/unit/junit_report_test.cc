#include "fixtures/junit_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "fixtures/result_matchers.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::chrono::system_clock::time_point kStart{1'700'000'000s};  // 2023-11-14 22:13:20

ReportCase Case(const std::string& suite, const std::string& name, CaseOutcome outcome,
                const std::string& text = {}) {
  return {.suite = suite,
          .name = name,
          .file = "test/hw/receive_test.cc",
          .line = 12,
          .outcome = outcome,
          .text = text,
          .start = kStart,
          .duration = 1500ms};
}

class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "zcrx-junit-XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ / name; }
  [[nodiscard]] const std::filesystem::path& Path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(XmlText, EscapesAndKeepsUtf8) {
  EXPECT_EQ(XmlText("a<b>&\"c\""), "a&lt;b&gt;&amp;&quot;c&quot;");
  EXPECT_EQ(XmlText("\u00b5s \u20ac \U0001f600"), "\u00b5s \u20ac \U0001f600");
  EXPECT_EQ(XmlText("one\ntwo\tthree"), "one&#10;two&#9;three");
}

TEST(XmlText, ReplacesWhatIsNoUtf8AndWhatXmlForbids) {
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(XmlText("a\xff"
                    "b"),
            "a\uFFFD"
            "b");
  EXPECT_EQ(XmlText("\xc3"), "\uFFFD") << "cut off";
  EXPECT_EQ(XmlText("\xc3("), "\uFFFD(") << "no continuation";
  EXPECT_EQ(XmlText("\xc0\xaf"), "\uFFFD\uFFFD") << "not the shortest form";
  EXPECT_EQ(XmlText("\xe0\x80\x80"), "\uFFFD\uFFFD\uFFFD") << "not the shortest form";
  EXPECT_EQ(XmlText("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "surrogate";
  EXPECT_EQ(XmlText("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD") << "beyond U+10FFFF";
  EXPECT_EQ(XmlText("\xef\xbf\xbe"), "\uFFFD") << "U+FFFE";
  EXPECT_EQ(XmlText("\0\x01\x1b[31m\r"sv), "[31m");
}

TEST(JUnitReport, CountsAtEveryLevelAndPutsTheNicIntoClassNames) {
  const Report report = {.nic = "gve-eth1",
                         .properties = {{"driver", "gve"}},
                         .cases = {Case("A", "Passes/flow_rule", CaseOutcome::kPassed),
                                   Case("B", "Fails", CaseOutcome::kFailed, "first <line>\nsecond"),
                                   Case("A", "Skips", CaseOutcome::kSkipped, "rss: \"no\""),
                                   Case("B", "Hangs", CaseOutcome::kError, "in flight")},
                         .start = kStart};
  const std::string xml = RenderJUnit(report);
  EXPECT_THAT(
      xml, AllOf(HasSubstr("<testsuites name=\"zcrx_tests\" tests=\"4\" failures=\"1\" errors=\"1\""
                           " skipped=\"1\" time=\"6.000\" timestamp=\"2023-11-14T22:13:20Z\">"),
                 HasSubstr("<testsuite name=\"A\" tests=\"2\" failures=\"0\" errors=\"0\""
                           " skipped=\"1\" time=\"3.000\""),
                 HasSubstr("<testcase name=\"Passes/flow_rule\" classname=\"gve-eth1.A\""
                           " time=\"1.500\" timestamp=\"2023-11-14T22:13:20Z\""
                           " file=\"test/hw/receive_test.cc\" line=\"12\"/>"),
                 HasSubstr("<failure message=\"first &lt;line&gt;\">first &lt;line&gt;&#10;second"),
                 HasSubstr("<skipped message=\"rss: &quot;no&quot;\"/>"),
                 HasSubstr("<property name=\"driver\" value=\"gve\"/>")));
  EXPECT_LT(xml.find("\"Skips\""), xml.find("\"Fails\"")) << "suites are not torn apart";
}

TEST(JUnitReport, ShowsWhatATestRecorded) {
  ReportCase passed = Case("A", "Passes", CaseOutcome::kPassed);
  passed.properties = {{"zero_copy_proof", "events & queue statistics"}};
  ReportCase failed = passed;
  failed.outcome = CaseOutcome::kFailed;
  failed.text = "words";
  Report report;
  report.cases = {passed, failed};
  const std::string xml = RenderJUnit(report);
  const std::string properties =
      "\">\n      <properties>\n        <property name=\"zero_copy_proof\" value=\"events &amp; "
      "queue statistics\"/>\n      </properties>\n    ";
  EXPECT_THAT(xml, AllOf(HasSubstr(properties + "</testcase>"),
                         HasSubstr(properties + "  <failure message=\"words\">words</failure>")));
}

TEST(JUnitReport, StaysBelowWhatReadersTakeHoweverMuchTestsSay) {
  Report report;
  for (int i = 0; i < 1000; ++i) {
    report.cases.push_back(Case("A", "Fails", CaseOutcome::kFailed, std::string(100'000, '"')));
  }
  const std::string xml = RenderJUnit(report);
  EXPECT_LT(xml.size(), 30'000'000U);
  EXPECT_THAT(xml.substr(0, 1'000'000), HasSubstr("more bytes left out of the report"));
}

TEST(JUnitReport, IsWellFormedWhateverBytesTestsSay) {
  const Folder folder;
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes += static_cast<char>(i);
  const Report report = {.nic = "n<&\">",
                         .properties = {{all_bytes, all_bytes}},
                         .cases = {Case("S\xff", "N\x01", CaseOutcome::kFailed, all_bytes + "]]>"),
                                   Case("S", "N", CaseOutcome::kSkipped, all_bytes)},
                         .start = kStart};
  const std::string path = folder / "junit.xml";
  ASSERT_OK(WriteFileAtomically(path, RenderJUnit(report)));
  if (std::system("xmllint --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no xmllint";
  EXPECT_EQ(std::system(("xmllint --noout " + path).c_str()), 0);
}

TEST(WriteFileAtomically, ReplacesAndLeavesNothingBeside) {
  const Folder folder;
  const std::string path = folder / "report";
  ASSERT_OK(WriteFileAtomically(path, "old and longer"));
  ASSERT_OK(WriteFileAtomically(path, "new"));
  EXPECT_EQ(ReadFile(path), "new");
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0644U);
  const auto entries = std::filesystem::directory_iterator(folder.Path());
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

TEST(WriteFileAtomically, FailsWithoutATraceWhereItCannotWrite) {
  const Folder folder;
  EXPECT_THAT(WriteFileAtomically(folder / "none/report", "text"), FailsWith(ENOENT));
  std::filesystem::create_directory(folder / "taken");
  EXPECT_THAT(WriteFileAtomically(folder / "taken", "text"), FailsWith(EISDIR));
  const auto entries = std::filesystem::directory_iterator(folder.Path());
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1) << "only the folder that was there";
}

}  // namespace
}  // namespace zcrx
