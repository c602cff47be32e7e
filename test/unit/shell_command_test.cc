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
  EXPECT_FAILS_WITH(EINVAL, ShellCommand({}));
  EXPECT_FAILS_WITH(EINVAL, ShellCommand({""}));
  EXPECT_FAILS_WITH(EINVAL, ShellCommand({"-a", "b"}));
  EXPECT_FAILS_WITH(EINVAL, ShellCommand({"true", "a\0b"s}));
}

TEST(ShellCommand, TakesWhatOneArgumentOfLinuxCanHold) {
  const size_t around = std::string("exec 'true' ''").size();
  EXPECT_OK(ShellCommand({"true", std::string(128UL * 1024 - 1 - around, 'x')}));
  EXPECT_FAILS_WITH(E2BIG, ShellCommand({"true", std::string(128UL * 1024 - around, 'x')}));
}

}  // namespace
}  // namespace zcrx
