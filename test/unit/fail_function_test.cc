#include "support/kernel/fail_function.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <map>
#include <string>

#include "test/unit/fault_files.h"

namespace zcrx {
namespace {

using ::testing::StartsWith;  // a file, unlike a setting, keeps the end of a longer value

class FailFunctionTest : public FaultFilesTest {
 protected:
  void SetUp() override {
    for (const auto& [file, value] : kFound) Write(file, value);
    Write("fail_function/inject", "");
    Write("error_injection/list", "open_ctree\tERRNO\npage_pool_alloc_netmems\tNULL\n");
  }

  // FAULT_ATTR_INITIALIZER in include/linux/fault-inject.h.
  inline static const std::map<std::string, std::string> kFound = {
      {"fail_function/verbose", "2\n"},     {"fail_function/interval", "1\n"},
      {"fail_function/space", "0\n"},       {"fail_function/task-filter", "N\n"},
      {"fail_function/probability", "0\n"}, {"fail_function/times", "1\n"},
  };
};

TEST_F(FailFunctionTest, CanWhatTheKernelLists) {
  EXPECT_TRUE(FailFunction::Can("page_pool_alloc_netmems", Folder()).value());
  EXPECT_FALSE(FailFunction::Can("page_pool_alloc", Folder()).value()) << "a part of a name";
  EXPECT_FALSE(FailFunction::Can("ctree", Folder()).value());
  std::filesystem::remove(Folder() / "fail_function/times");
  EXPECT_EQ(FailFunction::Can("open_ctree", Folder()).error().code, ENOENT);
}

TEST_F(FailFunctionTest, FailsMeanwhile) {
  {
    auto opened = FailFunction::Open("open_ctree", 61, Folder());
    ASSERT_TRUE(opened.has_value()) << opened.error().Text();
    const FailFunction fault = std::move(*opened);
    EXPECT_EQ(Read("fail_function/inject"), "open_ctree");
    EXPECT_EQ(Read("fail_function/interval"), "61");
    EXPECT_EQ(Read("fail_function/probability"), "100");
  }
  EXPECT_EQ(Read("fail_function/inject"), "!open_ctree");
  for (const auto& [file, value] : kFound) EXPECT_THAT(Read(file), StartsWith(value)) << file;
}

TEST_F(FailFunctionTest, CountsWhatTheKernelCountsDown) {
  const auto fault = FailFunction::Open("open_ctree", 1, Folder());
  ASSERT_TRUE(fault.has_value()) << fault.error().Text();
  EXPECT_EQ(fault->Failures().value(), 0);
  Write("fail_function/times", std::to_string(std::stoul(Read("fail_function/times")) - 3) + "\n");
  EXPECT_EQ(fault->Failures().value(), 3);
  Write("fail_function/times", "-1\n");
  EXPECT_FALSE(fault->Failures().has_value());
}

TEST_F(FailFunctionTest, SaysWhatTheKernelLacks) {
  std::filesystem::remove(Folder() / "fail_function/times");
  const auto fault = FailFunction::Open("open_ctree", 1, Folder());
  ASSERT_FALSE(fault.has_value());
  EXPECT_EQ(fault.error().code, ENOENT);
  for (const auto& [file, value] : kFound) {
    if (file == "fail_function/times") continue;
    EXPECT_THAT(Read(file), StartsWith(value)) << file;
  }
}

}  // namespace
}  // namespace zcrx
