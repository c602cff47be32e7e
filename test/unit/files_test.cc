// Whole files, and the numbers in them.
#include "support/base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "fixtures/result_matchers.h"
#include "support/base/numbers.h"

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Optional;

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "files_test.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] auto Count() const {
    return std::distance(std::filesystem::directory_iterator(folder_), {});
  }

  std::filesystem::path folder_;
};

TEST_F(Files, AreReplacedWholeWithTheModeAskedFor) {
  const std::string path = folder_ / "file";
  const std::string text(200'000, 'a');
  ASSERT_OK(ReplaceFile(path, "old", 0644));
  ASSERT_OK(ReplaceFile(path, text, 0640));
  EXPECT_THAT(ReadFile(path, text.size()), IsOkAndHolds(text));
  struct stat info = {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0640U);
  EXPECT_EQ(Count(), 1);
}

TEST_F(Files, LeaveNothingBesideWhereTheyCannotBeReplaced) {
  std::filesystem::create_directory(folder_ / "taken");
  EXPECT_THAT(ReplaceFile(folder_ / "taken", "text", 0644), FailsWith(EISDIR));
  EXPECT_THAT(ReplaceFile(folder_ / "none/file", "text", 0644), FailsWith(ENOENT));
  EXPECT_EQ(Count(), 1);
}

TEST_F(Files, SettingsAreWrittenWholeOrNotAtAll) {
  const std::string path = folder_ / "setting";
  EXPECT_THAT(WriteSetting(path, "1"), FailsWith(ENOENT)) << "does not make it";
  ASSERT_OK(ReplaceFile(path, "0", 0600));
  ASSERT_OK(WriteSetting(path, "8"));
  EXPECT_THAT(ReadFile(path, 5), IsOkAndHolds(std::string("8")));
  EXPECT_THAT(WriteSetting("/dev/full", "8"),
              AllOf(FailsWith(ENOSPC), FailsWithText(HasSubstr("write 8 to /dev/full"))));
}

TEST_F(Files, AreReadUpToTheirLimit) {
  const std::string path = folder_ / "file";
  ASSERT_OK(ReplaceFile(path, "12345", 0600));
  EXPECT_THAT(ReadFile(path, 5), IsOkAndHolds(std::string("12345")));
  EXPECT_THAT(ReadFile(path, 4), FailsWith(EFBIG));
  EXPECT_THAT(ReadFile(folder_, 4), FailsWith(EISDIR));
  EXPECT_THAT(ReadFile(folder_ / "none", 4), FailsWith(ENOENT));
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(ReadFile(folder_ / "fifo", 4), IsOkAndHolds(std::string()));
}

TEST(BootId, IsOneLine) {
  const Result<std::string> id = BootId();
  ASSERT_OK(id);
  EXPECT_EQ(id->size(), 36U);
}

TEST(RandomId, IsAnotherOneEachTime) {
  const Result<std::string> id = RandomId();
  ASSERT_OK(id);
  EXPECT_EQ(id->size(), 36U);
  EXPECT_NE(*id, RandomId().value_or(*id));
}

TEST(ParseNumber, TakesOneNumberAndNothingElse) {
  EXPECT_THAT(ParseNumber<uint16_t>("65535"), Optional(Eq(65535)));
  EXPECT_THAT(ParseNumber<int>("-1"), Optional(Eq(-1)));
  EXPECT_THAT(ParseNumber<uint32_t>("1f", 16), Optional(Eq(31U)));
  for (const char* text : {"", " ", " 1", "1 ", "+1", "-1", "65536", "1.0", "0x1", "1\n", "one"}) {
    EXPECT_EQ(ParseNumber<uint16_t>(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace zcrx
