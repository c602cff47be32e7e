// The kernel's log from a moment on: /dev/kmsg (Documentation/ABI/testing/dev-kmsg).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

struct KernelMessage {
  int level = 0;            // 0 (emergency) to 7 (debug); 3 is an error
  bool by_kernel = true;    // false: a program wrote it there
  std::string text;         // may have several lines
  std::string device = {};  // the DEVICE= that drivers' messages bear: "+pci:0000:00:05.0"
};

struct KernelMessages {
  std::vector<KernelMessage> messages;
  bool lost = false;  // the kernel has overwritten some that were not read yet
};

class KernelLog {
 public:
  // Begins with what is logged after the call. EPERM: needs CAP_SYSLOG (kernel.dmesg_restrict).
  static Result<KernelLog> Open();
  // What has come since the last call.
  Result<KernelMessages> Read();

 private:
  explicit KernelLog(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// Whose errors count: others use the machine too, and its driver has other devices.
struct LogSubject {
  std::string interface;  // "eth1", the kernel's name
  std::string driver;     // "gve"
  std::string bus;        // "0000:00:05.0"
};

// Whether the kernel complains: of itself (WARNING, BUG, Oops, a hang), or with an error. That
// names the interface (as its interrupts do: "eth1-TxRx-3") or the PCI function, or is the driver's
// and names no device.
bool Complains(const KernelMessage& message, const LogSubject& subject);

// One record as read(2) returns it; nothing where it is none.
std::optional<KernelMessage> ParseKernelMessage(std::string_view record);

}  // namespace zcrx
