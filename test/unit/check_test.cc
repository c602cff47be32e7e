#include "fixtures/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fixtures/bed/probes.h"

namespace zcrx {
namespace {

using ::testing::ElementsAre;

CheckLine Line(CheckPart part, std::string name, Need need) {
  return {.part = part, .name = std::move(name), .need = need, .evidence = "so", .remedy = {}};
}
CheckLine Of(Capability capability, Need need) {
  return Line(CheckPart::kCapability, std::string(CapabilityName(capability)), need);
}

// A NIC that can do everything but `lacking`, and the verdict about the kernel's cases.
std::vector<CheckLine> Without(Capability lacking, Need need = Need::kSkip) {
  std::vector<CheckLine> lines;
  for (const CapabilityRow& row : AllCapabilities()) {
    lines.push_back(Of(row.capability, row.capability == lacking ? need : Need::kMet));
  }
  for (CheckLine& line : CheckKernelCases(lines)) lines.push_back(std::move(line));
  return lines;
}

std::vector<std::string> CasesThatCannotRun(const std::vector<CheckLine>& lines) {
  std::vector<std::string> names;
  for (const CheckLine& line : lines) {
    if (line.part == CheckPart::kKernelCase && line.need != Need::kMet) names.push_back(line.name);
  }
  return names;
}

TEST(CheckKernelCases, LackOnlyWhatTheyNeed) {
  EXPECT_THAT(CasesThatCannotRun(Without(Capability::kRssContexts)),
              ElementsAre("test_zcrx.rss", "test_zcrx_oneshot.rss"));
  EXPECT_THAT(CasesThatCannotRun(Without(Capability::kLargeChunks)),
              ElementsAre("test_zcrx_large_chunks"));
  EXPECT_THAT(CasesThatCannotRun(Without(Capability::kEvents)),
              ElementsAre("test_zcrx_notif.single", "test_zcrx_notif_no_buffers.single"));
  EXPECT_EQ(CasesThatCannotRun(Without(Capability::kHeaderSplit)).size(), 7);
  EXPECT_THAT(CasesThatCannotRun(Without(Capability::kDmabufArea)), ElementsAre());
}

TEST(CheckKernelCases, WhatWasNotAskedIsNotThere) {
  for (const CheckLine& line : CheckKernelCases({})) {
    EXPECT_EQ(line.need, Need::kFail) << line.name;
  }
}

TEST(CheckVerdict, PassesWhereAllOfTheKernelsCasesCanRun) {
  EXPECT_EQ(CheckVerdict(Without(Capability::kDmabufArea)), ExitStatus::kPassed);
}

TEST(CheckVerdict, IsSkippedWhereSomeCannot) {
  EXPECT_EQ(CheckVerdict(Without(Capability::kLargeChunks)), ExitStatus::kAllSkipped);
}

TEST(CheckVerdict, FailsWhereAnAnswerCouldNotBeHad) {
  EXPECT_EQ(CheckVerdict(Without(Capability::kDmabufArea, Need::kFail)), ExitStatus::kFailed);
}

TEST(CheckVerdict, IsBadUsageWhereNoTestCouldRun) {
  EXPECT_EQ(CheckVerdict({Line(CheckPart::kTestbed, "link", Need::kFail)}), ExitStatus::kBadUsage);
}

TEST(CheckVerdict, DoesNotDependOnWitnesses) {
  std::vector<CheckLine> lines = Without(Capability::kDmabufArea);
  lines.push_back(Line(CheckPart::kWitness, "packet trace", Need::kSkip));
  EXPECT_EQ(CheckVerdict(lines), ExitStatus::kPassed);
}

TEST(CheckText, SaysYesOrNoTheEvidenceAndWhatWouldMendIt) {
  CheckLine line = Line(CheckPart::kTestbed, "link", Need::kMet);
  EXPECT_THAT(CheckText(line), ::testing::MatchesRegex("yes +link +so\n"));
  line.need = Need::kSkip;
  line.remedy = "a cable";
  EXPECT_THAT(CheckText(line), ::testing::MatchesRegex("no +link +so\n +to fix it: a cable\n"));
}

}  // namespace
}  // namespace zcrx
