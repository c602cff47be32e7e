#include "support/kernel/kernel_log.h"

#include <fmt/format.h>
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

TEST(Complains, WhenAnErrorNamesTheDevice) {
  EXPECT_TRUE(Complains(Said(3, "bnxt_en 0000:00:05.0: hwrm req_type 0x50 error 0x2"), kSubject));
  EXPECT_TRUE(Complains(Said(3, "eth1: transmit timed out"), kSubject));
  EXPECT_TRUE(Complains(
      Said(0, "unregister_netdevice: waiting for eth1 to become free. Usage count = 2"), kSubject));
  KernelMessage by_device = Said(2, "failed to allocate");
  by_device.device = "+pci:0000:00:05.0";
  EXPECT_TRUE(Complains(by_device, kSubject));
}

// What the record bears beside the text, where dev_err() or netdev_err() wrote it.
KernelMessage Of(const std::string& device, int level, const std::string& text) {
  return {.level = level, .text = text, .device = "+pci:" + device};
}

TEST(Complains, OfThisPortAndNotOfAnotherOfTheSameDriver) {
  struct Line {
    LogSubject subject;
    std::string driver_says;  // behind the driver's name, the function and the interface
  };
  for (const auto& [subject, said] : {
           Line{{"eth1", "bnxt_en", "0000:3b:00.0"}, ": hwrm req_type 0x50 seq id 0x12 error 0x2"},
           Line{{"eth1", "bnxt_en", "0000:3b:00.0"},
                " %: TX timeout detected, starting reset task!"},
           Line{{"eth1", "mlx5_core", "0000:3b:00.0"},
                ": mlx5_cmd_out_err:833:(pid 4711): CREATE_TIR(0x900) op_mod(0x0) failed, status "
                "bad parameter(0x3), syndrome (0x9bcdef), err(-22)"},
           Line{{"eth1", "mlx5_core", "0000:3b:00.0"},
                " %: Error cqe on cqn 0x4d3, ci 0x0, sqn 0x1"},
           Line{{"eth1", "gve", "0000:3b:00.0"}, ": AQ command failed with status -4"},
           Line{{"eth1", "fbnic", "0000:3b:00.0"}, ": Failed to transmit TLV message: -110"},
           Line{{"eth1", "gve", "0000:3b:00.0"},
                " %: NETDEV WATCHDOG: CPU: 3: transmit queue 0 timed out 5016 ms"},
       }) {
    const auto line = [&](const std::string& bus, const std::string& interface) {
      std::string text = fmt::format("{} {}{}", subject.driver, bus, said);
      if (const size_t at = text.find('%'); at != std::string::npos) text.replace(at, 1, interface);
      return Of(bus, 3, text);
    };
    EXPECT_TRUE(Complains(line("0000:3b:00.0", "eth1"), subject)) << said;
    EXPECT_FALSE(Complains(line("0000:3b:00.1", "eth7"), subject)) << said;
    EXPECT_FALSE(Complains(line("10000:3b:00.0", "eth11"), subject)) << said;
  }
}

TEST(Complains, OfTheDriverWhereItNamesNoDevice) {
  EXPECT_TRUE(Complains(Said(3, "bnxt_en: cannot allocate memory"), kSubject));
  EXPECT_FALSE(Complains(Said(3, "bnxt_re: cannot allocate memory"), kSubject));
  EXPECT_FALSE(Complains(Of("0000:00:06.0", 3, "bnxt_en: cannot allocate memory"), kSubject));
}

TEST(Complains, OfTheInterruptsOfItsQueues) {
  EXPECT_TRUE(Complains(
      Said(3, "genirq: Flags mismatch irq 45. 00000080 (eth1-TxRx-3) vs. 00000000 (uart)"),
      kSubject));
  EXPECT_TRUE(
      Complains(Said(3, "irq 45 (gve-ntfy-blk3@pci:0000:00:05.0): affinity broken"), kSubject));
  EXPECT_FALSE(Complains(
      Said(3, "genirq: Flags mismatch irq 46. 00000080 (eth7-TxRx-3) vs. 00000000 (uart)"),
      kSubject));
}

TEST(Complains, NotOfWhatIsOthersOrNoError) {
  EXPECT_FALSE(Complains(Said(4, "bnxt_en 0000:00:05.0 eth1: init'ed rx ring 3"), kSubject));
  EXPECT_FALSE(Complains(Said(6, "eth1: Link is Up"), kSubject));
  EXPECT_FALSE(Complains(Said(3, "bnxt_en 0000:00:05.0 eth1: NIC Link is Down"), kSubject));
  EXPECT_FALSE(Complains(Said(3, "eth10: transmit timed out"), kSubject));
  EXPECT_FALSE(Complains(Said(3, "veth1: transmit timed out"), kSubject));
  EXPECT_FALSE(Complains(Said(3, "nvme0: I/O error"), kSubject));
  EXPECT_FALSE(Complains(
      Said(0, "unregister_netdevice: waiting for eth7 to become free. Usage count = 2"), kSubject));
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
