#include "support/kernel/fail_nth.h"

#include <map>
#include <string>

#include "test/unit/fault_files.h"

namespace zcrx {
namespace {

class FailNthTest : public FaultFilesTest {
 protected:
  void SetUp() override {
    for (const auto& [file, value] : kFound) Write(file, value);
  }
  FailNth::Files Files() { return {.fail_nth = Folder() / "fail-nth", .debugfs = Folder()}; }

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
  std::filesystem::remove(Folder() / "fail_page_alloc/min-order");
  const auto fault = FailNth::Open(Files());
  ASSERT_FALSE(fault.has_value());
  EXPECT_EQ(fault.error().code, ENOENT);
  EXPECT_NE(fault.error().Text().find("fail_page_alloc/min-order"), std::string::npos);
  EXPECT_EQ(Read("failslab/ignore-gfp-wait"), "Y\n") << "what was set before is put back";
}

}  // namespace
}  // namespace zcrx
