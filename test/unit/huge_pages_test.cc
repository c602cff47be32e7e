#include "support/nic/huge_pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class HugePages : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "zcrx-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    WriteOthers(0, 0, 0);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& text) { std::ofstream(File()) << text; }
  void WriteOthers(int free, int promised, int surplus) {
    std::ofstream(folder_ / "free_hugepages") << free << '\n';
    std::ofstream(folder_ / "resv_hugepages") << promised << '\n';
    std::ofstream(folder_ / "surplus_hugepages") << surplus << '\n';
  }
  std::string Read() {
    std::ifstream file(File());
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::filesystem::path File() { return folder_ / "nr_hugepages"; }

  std::filesystem::path folder_;
};

TEST_F(HugePages, FreeOnesAreThoseThatNobodyWasPromised) {
  Write("12\n");
  WriteOthers(5, 2, 0);
  EXPECT_EQ(GetFreeHugePages(folder_).value_or(0), 3U);
  EXPECT_EQ(GetUsedHugePages(folder_).value_or(0), 9U);
  EXPECT_EQ(GetHugePages(folder_).value_or(0), 12U);
}

TEST_F(HugePages, WhatGoesWithItsUserIsNotOfThePool) {
  Write("12\n");
  WriteOthers(0, 0, 8);
  EXPECT_EQ(GetHugePages(folder_).value_or(0), 4U);
  EXPECT_EQ(GetUsedHugePages(folder_).value_or(0), 12U);
}

TEST_F(HugePages, CountsThatContradictEachOtherAreAnError) {
  Write("3\n");
  WriteOthers(0, 0, 8);
  const auto pages = GetHugePages(folder_);
  ASSERT_FALSE(pages.has_value());
  EXPECT_EQ(pages.error().code, ETIMEDOUT);
}

TEST_F(HugePages, AreReadAndWritten) {
  Write("12\n");
  EXPECT_EQ(GetHugePages(folder_).value_or(0), 12U);
  ASSERT_TRUE(SetHugePages(7, Deadline::In(1s), folder_).has_value());
  EXPECT_EQ(Read(), "7\n");
  EXPECT_EQ(GetHugePages(folder_).value_or(0), 7U);
}

TEST_F(HugePages, NonsenseIsAnError) {
  for (const char* text : {"", "\n", "many\n", "12 pages\n", "99999999999999999999999\n"}) {
    Write(text);
    const auto pages = GetHugePages(folder_);
    ASSERT_FALSE(pages.has_value()) << text;
    EXPECT_THAT(pages.error().Text(), HasSubstr("it holds no number")) << text;
  }
}

TEST_F(HugePages, AKernelWithoutThemIsAnErrorThatNamesTheFile) {
  const auto pages = GetHugePages(folder_);
  ASSERT_FALSE(pages.has_value());
  EXPECT_EQ(pages.error().code, ENOENT);
  EXPECT_THAT(pages.error().Text(), HasSubstr("nr_hugepages"));
  EXPECT_FALSE(SetHugePages(1, Deadline::In(1s), folder_).has_value());
}

TEST_F(HugePages, ARefusedWriteIsAnError) {
  std::filesystem::create_symlink("/dev/full", File());
  const Status set = SetHugePages(64, Deadline::In(1s), folder_);
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().code, ENOSPC);
  EXPECT_THAT(set.error().Text(), HasSubstr("write 64 to"));
}

}  // namespace
}  // namespace zcrx
