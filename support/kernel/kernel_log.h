// The kernel's log from a point in time on: /dev/kmsg (Documentation/ABI/testing/dev-kmsg).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

struct KernelMessage {
  int level = 0;            // 0 (emergency) to 7 (debug); 3: error
  bool by_kernel = true;    // false: written by a program
  std::string text;         // may have several lines
  std::string device = {};  // DEVICE= of the record: "+pci:0000:00:05.0"
};

struct KernelMessages {
  std::vector<KernelMessage> messages;
  bool lost = false;  // the kernel overwrote unread messages
};

class KernelLog {
 public:
  // Opens the log at its end: Read() returns what is logged from now on. Fails with EPERM without
  // CAP_SYSLOG (kernel.dmesg_restrict).
  static Result<KernelLog> Open();
  // Returns the messages since the last call.
  Result<KernelMessages> Read();

 private:
  explicit KernelLog(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// The device whose errors count: other programs use the machine too, and the driver has other
// devices.
struct LogSubject {
  std::string interface;         // "eth1", the kernel's name
  std::string driver;            // "gve"
  std::string bus;               // "0000:00:05.0"
  bool errors_expected = false;  // of the driver: they are no complaints
  // Names and PCI functions of the machine's other devices, which other runs may be testing.
  std::vector<std::string> others = {};
};

// Returns those of all network devices but `interface` that have hardware. A name without a digit
// is left out: it may be a word of any message ("net").
std::vector<std::string> OtherDevices(std::string_view interface,
                                      const std::filesystem::path& folder = "/sys/class/net");

// Returns whether `text` contains `word` as a whole word: "eth1" is not in "veth1" or "eth10".
bool NamesWord(std::string_view text, std::string_view word);

// Returns whether the message is an error that names the interface (also as its interrupts do:
// "eth1-TxRx-3") or the PCI function, or that is the driver's and names no device.
bool Complains(const KernelMessage& message, const LogSubject& subject);

// Parses a record as read(2) returns it. Returns nullopt if it is malformed.
std::optional<KernelMessage> ParseKernelMessage(std::string_view record);

}  // namespace zcrx
