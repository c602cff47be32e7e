#include "fixtures/program/junit_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "fixtures/program/junit_file.h"
#include "fixtures/result_matchers.h"
#include "support/base/deadline.h"
#include "support/base/wait.h"

namespace {

std::function<void()> after_write;  // called after each pwrite(2)

}  // namespace

// In place of libc's: while somebody looks, every write is cut at the end of a page, as SIGKILL may
// cut it, and the writer goes on.
extern "C" ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  constexpr size_t kPage = 4096;
  if (after_write) size = std::min(size, kPage - static_cast<size_t>(offset) % kPage);
  const ssize_t put = ::syscall(SYS_pwrite64, fd, bytes, size, offset);
  if (after_write) after_write();
  return put;
}

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
  const Report report = {.subject = "gve-eth1-7.3.4",
                         .properties = {{"driver", "gve"}},
                         .cases = {Case("A", "Passes/flow_rule", CaseOutcome::kPassed),
                                   Case("B", "Fails", CaseOutcome::kFailed, "first <line>\nsecond"),
                                   Case("A", "Skips", CaseOutcome::kSkipped, "rss: \"no\""),
                                   Case("B", "Hangs", CaseOutcome::kError, "in flight")},
                         .start = kStart};
  const std::string xml = RenderJUnit(report);
  EXPECT_THAT(
      xml,
      AllOf(HasSubstr("<testsuites name=\"zcrx_tests\" tests=\"4\" failures=\"1\" errors=\"1\""
                      " skipped=\"1\" time=\"6.000\" timestamp=\"2023-11-14T22:13:20Z\">"),
            HasSubstr("<testsuite name=\"gve-eth1-7.3.4.A\" tests=\"2\" failures=\"0\" errors=\"0\""
                      " skipped=\"1\" time=\"3.000\""),
            HasSubstr("<testcase name=\"Passes/flow_rule\" classname=\"gve-eth1-7.3.4.A\""
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
  const Report report = {.subject = "n<&\">",
                         .properties = {{all_bytes, all_bytes}},
                         .cases = {Case("S\xff", "N\x01", CaseOutcome::kFailed, all_bytes + "]]>"),
                                   Case("S", "N", CaseOutcome::kSkipped, all_bytes)},
                         .start = kStart};
  const std::string path = folder / "junit.xml";
  ASSERT_OK(WriteFileAtomically(path, RenderJUnit(report)));
  if (std::system("xmllint --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no xmllint";
  EXPECT_EQ(std::system(("xmllint --noout " + path).c_str()), 0);
}

// Case after case with its time in flight, texts of some pages and characters of some bytes.
void AddCases(const std::string& path, int cases, const std::function<void(int)>& each = {}) {
  Report report = {
      .subject = "gve-eth--1", .properties = {{"driver", "gve"}}, .cases = {}, .start = kStart};
  auto file = JUnitFile::Create(path, report);
  ASSERT_OK(file);
  for (int i = 0; i < cases; ++i) {
    if (each) each(i);
    report.cases.push_back(Case(i % 7 < 4 ? "A" : "B", fmt::format("N/{}", i), CaseOutcome::kError,
                                "the test had not ended"));
    ASSERT_OK(file->Add(report, true));
    report.cases.back().outcome = i % 5 == 0 ? CaseOutcome::kFailed : CaseOutcome::kPassed;
    std::string text;
    for (int n = 0; n < 3000; ++n) text += "\u20ac --?> ";
    report.cases.back().text = text;
    ASSERT_OK(file->Add(report, false));
  }
}

// Judged by a parser that is not ours.
bool AreWellFormed(const std::string& folder) {
  return std::system(("cd '" + folder +
                      "' && python3 -c 'import glob, xml.etree.ElementTree as x\n"
                      "for name in glob.glob(\"*.xml\"): x.parse(name)'")
                         .c_str()) == 0;
}

TEST(JUnitFile, IsWellFormedAfterEveryWriteOfAPage) {
  const Folder folder;
  const std::string path = folder / "run";
  int writes = 0;
  after_write = [&] { std::filesystem::copy_file(path, folder / fmt::format("{}.xml", writes++)); };
  AddCases(path, 7);
  after_write = {};
  EXPECT_GT(writes, 50) << "they are not cut";
  EXPECT_TRUE(AreWellFormed(folder.Path()));
  EXPECT_THAT(ReadFile(path), AllOf(HasSubstr("tests=\"7\" failures=\"2\" errors=\"0\""),
                                    HasSubstr("<testcase name=\"N/6\"")));
}

TEST(JUnitFile, IsWellFormedWheneverItsProcessIsKilled) {
  const Folder folder;
  std::mt19937 random(17);
  for (int i = 0; i < 60; ++i) {
    const std::string path = folder / fmt::format("{}.xml", i);
    const pid_t child = ::fork();
    if (child == 0) {
      AddCases(path, 100'000);
      ::_exit(0);
    }
    const auto there = [&] { return Result<bool>(std::filesystem::exists(path)); };
    EXPECT_OK(Becomes("the file is there", there, Deadline::In(20s)));
    ::usleep(std::uniform_int_distribution<useconds_t>(0, 20'000)(random));
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  }
  EXPECT_TRUE(AreWellFormed(folder.Path()));
}

// Bytes that this process has written so far (proc(5)).
uint64_t Written() {
  std::ifstream io("/proc/self/io");
  std::string name;
  uint64_t value = 0;
  while (io >> name >> value) {
    if (name == "wchar:") return value;
  }
  return 0;
}

TEST(JUnitFile, WritesAsMuchForTheLastCaseAsForTheFirst) {
  const Folder folder;
  std::vector<uint64_t> at;
  const uint64_t before = Written();
  AddCases(folder / "run", 201, [&](int i) {
    if (i % 100 == 0) at.push_back(Written());
  });
  if (before == 0) GTEST_SKIP() << "this kernel counts no I/O of processes";
  ASSERT_EQ(at.size(), 3U);
  EXPECT_LT(at[2] - at[1], 3 * (at[1] - at[0]) / 2);
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
