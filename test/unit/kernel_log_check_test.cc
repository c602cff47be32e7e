#include "fixtures/evidence/kernel_log_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zcrx {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;

const LogSubject kSubject = {.interface = "eth1", .driver = "gve", .bus = "0000:00:05.0"};
const KernelMessage kInfo = {.level = 6, .text = "gve 0000:00:05.0 eth1: Device link is up."};
const KernelMessage kError = {.level = 3, .text = "gve 0000:00:05.0: AQ command failed"};
const KernelMessage kOthers = {.level = 3, .text = "nvme0: I/O error"};

TEST(JudgeKernelLog, ComplaintsStandBesideTheWholeLog) {
  const auto verdict = JudgeKernelLog({.messages = {kInfo, kOthers, kError}}, kSubject);
  EXPECT_THAT(verdict.complaints, ElementsAre(kError.text));
  EXPECT_EQ(verdict.log, kInfo.text + "\n" + kOthers.text + "\n" + kError.text + "\n");
  EXPECT_EQ(verdict.lacking, "");
}

TEST(JudgeKernelLog, ToldIsWhatWasOverwritten) {
  EXPECT_NE(JudgeKernelLog({.messages = {}, .lost = true}, kSubject).lacking, "");
}

TEST(JudgeKernelLog, ALongLogIsCutAndItsComplaintsAreNot) {
  KernelMessages messages;
  messages.messages.assign(200, kInfo);
  messages.messages.push_back(kError);
  const auto verdict = JudgeKernelLog(messages, kSubject);
  EXPECT_THAT(verdict.complaints, ElementsAre(kError.text));
  EXPECT_THAT(verdict.log, EndsWith("... and 121 more lines\n"));
}

}  // namespace
}  // namespace zcrx
