// All that support/nic asks of the kernel: netlink requests, notifications, ioctls, huge pages.
// OpenKernel() is the running one; unit tests have a fake (test/unit/fake_kernel.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/nic/huge_pages.h"
#include "support/nic/netlink/family.h"
#include "support/nic/netlink/message.h"

namespace zcrx {

// One multicast group's messages, from when it was joined.
class Notifications {
 public:
  virtual ~Notifications() = default;
  // At least one message, or none once the deadline has passed. Messages that were lost because the
  // socket's buffer was full (ENOBUFS) count as one that IsLoss().
  virtual Result<std::vector<netlink::Message>> Next(Deadline deadline) = 0;
};

class Kernel {
 public:
  virtual ~Kernel() = default;

  // `protocol`: NETLINK_ROUTE or NETLINK_GENERIC. Returns every message of the answer: none for a
  // bare ack. Fails with the kernel's errno and its own sentence.
  virtual Result<std::vector<netlink::Message>> Call(int protocol, netlink::Request& request) = 0;
  virtual Result<std::unique_ptr<Notifications>> Listen(int protocol, uint32_t group) = 0;
  // A generic netlink family. Fails with ENOENT where this kernel has no such family.
  virtual Result<netlink::Family> FindFamily(std::string_view name) = 0;
  // SIOCETHTOOL; `data` is a struct of linux/ethtool.h that begins with its command.
  virtual Status Ioctl(const std::string& operation, uint32_t ifindex, void* data) = 0;
  virtual Result<HugePages> GetHugePages() = 0;
  virtual Status SetHugePages(uint64_t pages) = 0;
};

Result<std::unique_ptr<Kernel>> OpenKernel();

// The only message of an answer; any other number of them is an error.
Result<netlink::Message> OnlyMessage(Result<std::vector<netlink::Message>> answer,
                                     const std::string& operation);

}  // namespace zcrx
