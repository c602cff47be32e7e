#include "fixtures/bed/capability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zcrx {
namespace {

using ::testing::HasSubstr;

constexpr Capability kLarge = Capability::kLargeChunks;

TEST(Judge, PresentIsMet) {
  EXPECT_EQ(Judge(kLarge, Answer::Present("it is there"), false).need, Need::kMet);
}

TEST(Judge, AbsentSkipsWithItsNameAndTheEvidence) {
  const NeedVerdict verdict = Judge(kLarge, Answer::Absent("gve answered EOPNOTSUPP"), false);
  EXPECT_EQ(verdict.need, Need::kSkip);
  EXPECT_EQ(verdict.text, "large-chunks: gve answered EOPNOTSUPP");
}

TEST(Judge, AbsentFailsWhereTheLabPromisedIt) {
  const NeedVerdict verdict = Judge(kLarge, Answer::Absent("gve answered EOPNOTSUPP"), true);
  EXPECT_EQ(verdict.need, Need::kFail);
  EXPECT_THAT(verdict.text, HasSubstr("promised"));
  EXPECT_THAT(verdict.text, HasSubstr("gve answered EOPNOTSUPP"));
}

TEST(Judge, NotKnowingFailsAndNeverSkips) {
  for (const bool promised : {false, true}) {
    const NeedVerdict verdict =
        Judge(kLarge, Answer::CannotTell({"set rings of eth1", EIO, ""}), promised);
    EXPECT_EQ(verdict.need, Need::kFail);
    EXPECT_THAT(verdict.text, HasSubstr("EIO"));
  }
}

TEST(Promises, AreTheNamesThatSkipsShow) {
  EXPECT_TRUE(CheckPromises({}).has_value());
  EXPECT_TRUE(CheckPromises({"zcrx", std::string(CapabilityName(kLarge))}).has_value());
}

TEST(Promises, AnUnknownNameIsRefusedWithTheListOfThoseThereAre) {
  const Status status = CheckPromises({"zcrx", "large_chunks"});
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().Text(), HasSubstr("\"large_chunks\""));
  EXPECT_THAT(status.error().Text(), HasSubstr("header-split"));
}

}  // namespace
}  // namespace zcrx
