// A small test program around RunProgram(), run by program_test.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "fixtures/program.h"

namespace {

TEST(Helper, Passes) { zcrx::DescribeNic("gve-eth1", {{"driver", "gve"}}); }
TEST(Helper, Skips) { GTEST_SKIP() << "large-chunks: gve answered \xff EOPNOTSUPP"; }
TEST(Helper, Fails) { EXPECT_EQ(1, 2) << "byte \x01\xfe of the stream"; }
TEST(Helper, Crashes) { std::abort(); }

class BadSuite : public testing::Test {
 protected:
  static void SetUpTestSuite() { ADD_FAILURE() << "no queue left"; }
};
TEST_F(BadSuite, NeverRuns) {}

class Environment : public testing::Environment {
 public:
  explicit Environment(std::string_view mode) : mode_(mode) {}
  void SetUp() override {
    if (mode_ == "environment-skips") GTEST_SKIP() << "no NIC";
  }
  void TearDown() override {
    if (mode_ == "environment-fails") ADD_FAILURE() << "the peer's folder stayed behind";
  }

 private:
  std::string_view mode_;
};

}  // namespace

int main(int argc, char** argv) {
  const char* const mode = std::getenv("HELPER_MODE");
  return static_cast<int>(
      zcrx::RunProgram(argc, argv, [mode](const zcrx::Config& config) -> zcrx::Status {
        std::cout << "opened " << config.netif << '\n';
        if (mode != nullptr && std::string_view(mode) == "open-fails") {
          return zcrx::Fail("open eth1", ENODEV);
        }
        testing::AddGlobalTestEnvironment(new Environment(mode != nullptr ? mode : ""));
        return {};
      }));
}
