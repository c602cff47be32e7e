// A small test program around RunProgram(), run by program_test.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "fixtures/program/program.h"
#include "fixtures/result_matchers.h"
#include "support/base/interruption.h"
#include "support/base/wait.h"

namespace {

TEST(Helper, Passes) { RecordProperty("goodput_bytes_per_second", "131072000"); }
TEST(Helper, Skips) { GTEST_SKIP() << "large-chunks: gve answered \xff EOPNOTSUPP"; }
TEST(Helper, Fails) { EXPECT_EQ(1, 2) << "byte \x01\xfe of the stream"; }
TEST(Helper, Says) { ADD_FAILURE() << "nobody connected\nmore"; }
TEST(Helper, Crashes) { std::abort(); }
TEST(FreeHelper, Passes) {}

zcrx::Status Wait(std::chrono::milliseconds span) {
  const auto deadline = zcrx::Deadline::In(span);
  return zcrx::Becomes(
      "it is time",
      [=] { return zcrx::Result<bool>(zcrx::Deadline::Clock::now() >= deadline.When()); },
      zcrx::Deadline::In(std::chrono::hours(1)));
}

// What a hardware test does when a signal comes: waits, and puts back what it did, which takes a
// while.
class HelperWaits : public testing::Test {
 protected:
  void TearDown() override {
    const zcrx::Uninterrupted undoing;
    std::cout << "undoing" << '\n' << std::flush;
    if (!did_something_) return;
    EXPECT_OK(Wait(std::chrono::milliseconds(300)));
    std::cout << "undone" << '\n' << std::flush;
  }
  bool did_something_ = false;
};
TEST_F(HelperWaits, ForEver) {
  did_something_ = true;
  std::cout << "waiting" << '\n' << std::flush;
  ASSERT_OK(Wait(std::chrono::hours(1)));
}
TEST_F(HelperWaits, ForAShortTime) {
  std::cout << "waiting" << '\n' << std::flush;
  ASSERT_OK(Wait(std::chrono::milliseconds(1)));
}

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
    if (mode_ == "interrupted") {
      ::kill(::getpid(), SIGTERM);
      EXPECT_FALSE(Wait(std::chrono::hours(1)).has_value());
    }
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
  if (mode != nullptr && std::string_view(mode) == "interrupted-again-at-its-end") {
    // Comes after what is destroyed with the program: that was made later.
    std::atexit([] { ::kill(::getpid(), SIGTERM); });
  }
  return static_cast<int>(zcrx::RunProgram(
      argc, argv,
      {.open = [mode](const zcrx::Config& config) -> zcrx::Status {
         std::cout << "opened " << config.netif << '\n';
         const char* const subject = std::getenv("HELPER_SUBJECT");
         zcrx::DescribeSubject(subject != nullptr ? subject : "gve-eth1-7.3.4",
                               {{"driver", "gve"}});
         if (mode != nullptr && std::string_view(mode) == "open-fails") {
           return zcrx::Fail("open eth1", ENODEV);
         }
         if (mode != nullptr && std::string_view(mode) == "open-waits") {
           std::cout << "waiting" << '\n' << std::flush;
           ZCRX_RETURN_IF_ERROR(Wait(std::chrono::hours(1)));
         }
         testing::AddGlobalTestEnvironment(new Environment(mode != nullptr ? mode : ""));
         return {};
       },
       .check =
           [](const zcrx::Config& config, std::vector<zcrx::ReportCase>& cases) {
             std::cout << "checked " << config.netif << '\n';
             cases.push_back(
                 {.suite = "Check", .name = "link", .file = {}, .text = {}, .start = {}});
             return zcrx::ExitStatus::kAllSkipped;
           },
       .no_nic_suites = "Free",
       .open_without_nic = [](const zcrx::Config& config) -> zcrx::Status {
         std::cout << "opened without a NIC, " << config.promised.size() << " promised\n";
         return {};
       }}));
}
