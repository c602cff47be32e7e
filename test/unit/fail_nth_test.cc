#include "support/kernel/fail_nth.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace zcrx {
namespace {

namespace fs = std::filesystem;

class FailNthTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto& [file, value] : kFound) Write(file, value);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Write(const std::string& file, const std::string& value) {
    fs::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file) << value;
  }
  std::string Read(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(folder_ / file).rdbuf();
    return text.str();
  }
  FailNth::Files Files() { return {.fail_nth = folder_ / "fail-nth", .debugfs = folder_}; }

  // FAULT_ATTR_INITIALIZER in include/linux/fault-inject.h, and the defaults of both.
  inline static const std::map<std::string, std::string> kFound = {
      {"fail-nth", "0\n"},
      {"failslab/ignore-gfp-wait", "Y\n"},
      {"failslab/verbose", "2\n"},
      {"fail_page_alloc/ignore-gfp-wait", "Y\n"},
      {"fail_page_alloc/ignore-gfp-highmem", "Y\n"},
      {"fail_page_alloc/min-order", "1\n"},
      {"fail_page_alloc/verbose", "2\n"},
  };
  fs::path folder_ = fs::path(::testing::TempDir()) / fmt::format("fail_nth.{}", ::getpid());
};

TEST_F(FailNthTest, FailsAnyAllocationMeanwhile) {
  {
    const auto fault = FailNth::Open(Files());
    ASSERT_TRUE(fault.has_value()) << fault.error().Text();
    EXPECT_EQ(Read("failslab/ignore-gfp-wait"), "N\n");
    EXPECT_EQ(Read("failslab/verbose"), "0\n");
    EXPECT_EQ(Read("fail_page_alloc/ignore-gfp-wait"), "N\n");
    EXPECT_EQ(Read("fail_page_alloc/ignore-gfp-highmem"), "N\n");
    EXPECT_EQ(Read("fail_page_alloc/min-order"), "0\n");
  }
  for (const auto& [file, value] : kFound) EXPECT_EQ(Read(file), value) << file;
}

TEST_F(FailNthTest, TellsWhetherOneFailedAndIsDisarmed) {
  const auto fault = FailNth::Open(Files());
  ASSERT_TRUE(fault.has_value()) << fault.error().Text();
  std::string armed;
  EXPECT_FALSE(fault->During(7, [&] { armed = Read("fail-nth"); }).value());
  EXPECT_EQ(armed, "7\n");
  EXPECT_EQ(Read("fail-nth"), "0\n");
  EXPECT_TRUE(fault->During(7, [&] { Write("fail-nth", "0\n"); }).value());
}

TEST_F(FailNthTest, SaysWhatTheKernelLacks) {
  fs::remove(folder_ / "fail_page_alloc/min-order");
  const auto fault = FailNth::Open(Files());
  ASSERT_FALSE(fault.has_value());
  EXPECT_EQ(fault.error().code, ENOENT);
  EXPECT_NE(fault.error().Text().find("fail_page_alloc/min-order"), std::string::npos);
  EXPECT_EQ(Read("failslab/ignore-gfp-wait"), "Y\n") << "what was set before is put back";
}

}  // namespace
}  // namespace zcrx
