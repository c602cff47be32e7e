#include "support/remote/shell_command.h"

#include <gtest/gtest.h>

#include "fixtures/result_matchers.h"

namespace zcrx {
namespace {

TEST(ShellCommand, QuotesEveryArgument) {
  ASSERT_OK_AND_ASSIGN(const std::string command,
                       ShellCommand({"/tmp/a b/sender", "it's", "", "$(id)", "x;y"}));
  EXPECT_EQ(command, R"(exec '/tmp/a b/sender' 'it'\''s' '' '$(id)' 'x;y')");
}

TEST(ShellCommand, RefusesWhatNoShellCanBeGiven) {
  using std::string_literals::operator""s;
  EXPECT_THAT(ShellCommand({}), FailsWith(EINVAL));
  EXPECT_THAT(ShellCommand({""}), FailsWith(EINVAL));
  EXPECT_THAT(ShellCommand({"-a", "b"}), FailsWith(EINVAL));
  EXPECT_THAT(ShellCommand({"true", "a\0b"s}), FailsWith(EINVAL));
}

TEST(ShellCommand, TakesWhatOneArgumentOfLinuxCanHold) {
  const size_t around = std::string("exec 'true' ''").size();
  EXPECT_OK(ShellCommand({"true", std::string(128UL * 1024 - 1 - around, 'x')}));
  EXPECT_THAT(ShellCommand({"true", std::string(128UL * 1024 - around, 'x')}), FailsWith(E2BIG));
}

}  // namespace
}  // namespace zcrx
