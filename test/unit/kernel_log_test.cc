#include "support/kernel/kernel_log.h"

#include <gtest/gtest.h>

namespace zcrx {
namespace {

const LogSubject kSubject = {.interface = "eth1", .driver = "bnxt_en", .bus = "0000:00:05.0"};

KernelMessage Said(int level, const std::string& text) { return {.level = level, .text = text}; }

TEST(ParseKernelMessage, TakesARecordApart) {
  const auto message = ParseKernelMessage(
      "3,812,5140900,-;bnxt_en 0000:00:05.0 eth1: hwrm req_type 0x50 error 0x2\n"
      " SUBSYSTEM=pci\n DEVICE=+pci:0000:00:05.0\n");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->level, 3);
  EXPECT_TRUE(message->by_kernel);
  EXPECT_EQ(message->text, "bnxt_en 0000:00:05.0 eth1: hwrm req_type 0x50 error 0x2");
  EXPECT_EQ(message->device, "+pci:0000:00:05.0");
}

TEST(ParseKernelMessage, TellsProgramsFromTheKernel) {
  // Facility 1, LOG_USER: 8 + level 4.
  const auto message = ParseKernelMessage("12,900,1,-;WARNING: from a program\n");
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->level, 4);
  EXPECT_FALSE(message->by_kernel);
}

TEST(ParseKernelMessage, RefusesWhatIsNoRecord) {
  EXPECT_FALSE(ParseKernelMessage("").has_value());
  EXPECT_FALSE(ParseKernelMessage("6").has_value());
  EXPECT_FALSE(ParseKernelMessage("6,1,2,-").has_value());
  EXPECT_FALSE(ParseKernelMessage("text;text").has_value());
  EXPECT_FALSE(ParseKernelMessage(" SUBSYSTEM=pci;\n").has_value());
}

TEST(Complains, WhenTheKernelIsAtFaultWhateverTheLevel) {
  for (const char* text : {
           "WARNING: CPU: 0 PID: 53 at net/core/page_pool.c:1181 page_pool_disable_direct+0x5/0x60",
           "BUG: kernel NULL pointer dereference, address: 0000000000000008",
           "Oops: general protection fault, probably for non-canonical address: 0000 [#1] SMP",
           "INFO: task kworker/0:1:10 blocked for more than 120 seconds.",
           "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [zcrx_tests:99]",
           "page_pool_release_retry() stalled pool shutdown: id 7, 1 inflight 60 sec",
       }) {
    EXPECT_TRUE(Complains(Said(6, text), kSubject)) << text;
  }
}

TEST(Complains, WhenAnErrorNamesTheDevice) {
  EXPECT_TRUE(Complains(Said(3, "bnxt_en 0000:00:05.0: hwrm req_type 0x50 error 0x2"), kSubject));
  EXPECT_TRUE(Complains(Said(3, "eth1: transmit timed out"), kSubject));
  KernelMessage by_device = Said(2, "failed to allocate");
  by_device.device = "+pci:0000:00:05.0";
  EXPECT_TRUE(Complains(by_device, kSubject));
}

TEST(Complains, NotOfWhatIsOthersOrNoError) {
  EXPECT_FALSE(Complains(Said(4, "bnxt_en 0000:00:05.0 eth1: init'ed rx ring 3"), kSubject));
  EXPECT_FALSE(Complains(Said(6, "eth1: Link is Up"), kSubject));
  EXPECT_FALSE(Complains(Said(3, "bnxt_en 0000:00:05.0 eth1: NIC Link is Down"), kSubject));
  EXPECT_FALSE(Complains(Said(3, "eth10: transmit timed out"), kSubject));
  EXPECT_FALSE(Complains(Said(3, "veth1: transmit timed out"), kSubject));
  EXPECT_FALSE(Complains(Said(3, "nvme0: I/O error"), kSubject));
  EXPECT_FALSE(Complains(Said(3, "an error of nobody"), LogSubject{}));
  KernelMessage program = Said(3, "WARNING: eth1 is what a program says");
  program.by_kernel = false;
  EXPECT_FALSE(Complains(program, kSubject));
}

TEST(KernelLog, BeginsWithWhatIsLoggedLater) {
  auto log = KernelLog::Open();
  if (!log) GTEST_SKIP() << log.error().Text();
  const auto first = log->Read();
  ASSERT_TRUE(first.has_value()) << first.error().Text();
  EXPECT_LT(first->messages.size(), 10) << "not all that was logged since boot";
}

}  // namespace
}  // namespace zcrx
