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

// Another run may be testing that NIC; what names neither may be anybody's.
TEST(JudgeKernelLog, AReportThatNamesAnotherNicIsNotOfThisOne) {
  LogSubject subject = kSubject;
  subject.others = {"eth2", "0000:00:06.0"};
  const auto complaints = [&](const std::vector<std::string>& head) {
    KernelMessages log;
    log.messages.push_back({.level = 4, .text = "------------[ cut here ]------------"});
    for (const std::string& line : head) log.messages.push_back({.level = 4, .text = line});
    for (const char* line : {"Modules linked in: gve bnxt_en", "CPU: 0 PID: 1",
                             "Call Trace:", " f+0x1/0x2", "---[ end trace 0000000000000000 ]---"}) {
      log.messages.push_back({.level = 4, .text = line});
    }
    return JudgeKernelLog(log, subject).complaints.size();
  };
  const std::string warning = "WARNING: CPU: 0 PID: 1 at net/sched/sch_generic.c:525 f+0x1/0x2";
  EXPECT_EQ(complaints({warning}), 1U);
  EXPECT_EQ(complaints({"eth1 (gve): transmit queue 0 timed out", warning}), 1U);
  EXPECT_EQ(complaints({"eth2 (bnxt_en): transmit queue 0 timed out", warning}), 0U);
  EXPECT_EQ(complaints({"bnxt_en 0000:00:06.0: transmit queue 0 timed out", warning}), 0U);
  EXPECT_EQ(complaints({"eth20 (bnxt_en): transmit queue 0 timed out", warning}), 1U);
  EXPECT_EQ(complaints({"eth2 leads to eth1", warning}), 1U);
  EXPECT_EQ(complaints({warning, "Read of size 8 at addr 1 by task napi/eth2-8193/812"}), 1U)
      << "what runs in another NIC's NAPI may be anybody's fault";
  subject.errors_expected = true;
  EXPECT_EQ(complaints({"eth1 (gve): queue 0 stands still, as does eth2", warning}), 1U);
}

}  // namespace
}  // namespace zcrx
