// The matchers of Result, and what a failure of theirs prints.
#include "fixtures/result_matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Not;

struct NoText {};

const Status kDone = {};
const Status kRefused = Fail("set rings of eth1 (rx 64)", EINVAL, "too few");
const Status kNoCode = Fail("zcrx_sender ended", 0, "send: Broken pipe (EPIPE)");
const Result<int> kSeven = 7;
const Result<int> kNoNumber = Fail("count", ENOENT);

// What EXPECT_THAT() prints.
template <typename T, typename Matcher>
std::string Failure(const T& value, const Matcher& matcher) {
  ::testing::TestPartResultArray failures;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
    EXPECT_THAT(value, matcher);
  }
  return failures.size() == 1 ? failures.GetTestPartResult(0).message() : "not one failure";
}

TEST(ResultMatchers, TellSuccessFromFailure) {
  EXPECT_THAT(kDone, IsOk());
  EXPECT_THAT(kRefused, Not(IsOk()));
  EXPECT_THAT(kSeven, IsOkAndHolds(7));
  EXPECT_THAT(kSeven, IsOkAndHolds(Gt(6)));
  EXPECT_THAT(kSeven, Not(IsOkAndHolds(8)));
  EXPECT_THAT(kNoNumber, Not(IsOkAndHolds(7)));
  EXPECT_THAT(Result<std::vector<int>>({1, 2}), IsOkAndHolds(ElementsAre(1, 2)));
}

TEST(ResultMatchers, TellFailuresApart) {
  EXPECT_THAT(kRefused, FailsWith(EINVAL));
  EXPECT_THAT(kRefused, Not(FailsWith(ENOENT)));
  EXPECT_THAT(kNoNumber, FailsWith(ENOENT));
  EXPECT_THAT(kNoCode, FailsWith(0));
  EXPECT_THAT(kRefused, FailsWithText(HasSubstr("rx 64")));
  EXPECT_THAT(kRefused, FailsWithText(Not(HasSubstr("rx 65"))));
  EXPECT_THAT(kNoCode, FailsWithText("zcrx_sender ended: send: Broken pipe (EPIPE)"));
}

TEST(ResultMatchers, Compose) {
  EXPECT_THAT(kRefused, AnyOf(FailsWith(EEXIST), FailsWith(EINVAL)));
  EXPECT_THAT(kRefused, AllOf(FailsWith(EINVAL), FailsWithText(HasSubstr("too few"))));
  EXPECT_THAT(kNoCode, FailsWithText(AnyOf(HasSubstr("ECONNRESET"), HasSubstr("EPIPE"))));
  EXPECT_THAT(kNoCode, Not(FailsWithText(AnyOf(HasSubstr("ECONNRESET"), HasSubstr("ETIMEDOUT")))));
}

// The case in which a negative test has to fail.
TEST(ResultMatchers, ASuccessIsNoFailureOfAnyKind) {
  EXPECT_THAT(kDone, Not(FailsWith(EINVAL)));
  EXPECT_THAT(kDone, Not(FailsWith(0)));
  EXPECT_THAT(kDone, Not(FailsWithText(::testing::_)));
  EXPECT_THAT(kSeven, Not(FailsWith(EINVAL)));
  EXPECT_THAT(kSeven, Not(FailsWithText(AnyOf(HasSubstr(""), HasSubstr("EPIPE")))));
}

TEST(ResultMatchers, PrintTheErrorOrTheSuccess) {
  EXPECT_EQ(Failure(kDone, FailsWith(EINVAL)),
            "Value of: value\nExpected: fails with EINVAL\n  Actual: success");
  EXPECT_EQ(Failure(kSeven, FailsWith(EINVAL)),
            "Value of: value\nExpected: fails with EINVAL\n  Actual: success: 7");
  EXPECT_EQ(Failure(Result<NoText>(NoText{}), FailsWith(EINVAL)),
            "Value of: value\nExpected: fails with EINVAL\n  Actual: success");
  EXPECT_EQ(Failure(kRefused, FailsWith(EEXIST)),
            "Value of: value\nExpected: fails with EEXIST\n  Actual: set rings of eth1 (rx 64): "
            "Invalid argument (EINVAL): too few");
  EXPECT_EQ(Failure(kRefused, IsOk()),
            "Value of: value\nExpected: succeeds\n  Actual: set rings of eth1 (rx 64): "
            "Invalid argument (EINVAL): too few");
}

TEST(ResultMatchers, PrintWhatTheyWant) {
  EXPECT_THAT(Failure(kDone, FailsWithText(HasSubstr("EPIPE"))),
              HasSubstr("Expected: fails with a text that has substring \"EPIPE\""));
  EXPECT_THAT(Failure(kNoNumber, IsOkAndHolds(Gt(6))),
              HasSubstr("Expected: succeeds and holds a value that is > 6\n"
                        "  Actual: count: No such file or directory (ENOENT)"));
  EXPECT_THAT(Failure(kRefused, Not(FailsWith(EINVAL))),
              HasSubstr("Expected: does not fail with EINVAL"));
  EXPECT_THAT(Failure(kRefused, AnyOf(FailsWith(EEXIST), FailsWith(ENOENT))),
              HasSubstr("Expected: (fails with EEXIST) or (fails with ENOENT)"));
}

TEST(ResultMatchers, ExpectOkBeginsWithTheCause) {
  ::testing::TestPartResultArray failures;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &failures);
    EXPECT_OK(kRefused);
    EXPECT_OK(kSeven);
  }
  ASSERT_EQ(failures.size(), 1);
  EXPECT_STREQ(failures.GetTestPartResult(0).message(),
               "set rings of eth1 (rx 64): Invalid argument (EINVAL): too few\n  from: kRefused");
}

}  // namespace
}  // namespace zcrx
