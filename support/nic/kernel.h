// The interface of support/nic to the kernel: netlink requests, notifications, ioctls, sysctls,
// huge pages. OpenKernel() returns the running kernel; unit tests use a fake
// (test/unit/fake_kernel.h).
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

// Messages of a multicast group since it was joined.
class Notifications {
 public:
  virtual ~Notifications() = default;
  // Returns at least one message, or none once the deadline has passed. Messages lost because the
  // socket's buffer was full (ENOBUFS) count as one message with IsLoss().
  virtual Result<std::vector<netlink::Message>> Next(Deadline deadline) = 0;
};

class Kernel {
 public:
  virtual ~Kernel() = default;

  // Sends a request. `protocol` is NETLINK_ROUTE or NETLINK_GENERIC. Returns every message of the
  // answer: none for a bare ack. Fails with the kernel's errno and message.
  virtual Result<std::vector<netlink::Message>> Call(int protocol, netlink::Request& request) = 0;
  virtual Result<std::unique_ptr<Notifications>> Listen(int protocol, uint32_t group) = 0;
  // Returns a generic netlink family. Fails with ENOENT if the kernel has no such family.
  virtual Result<netlink::Family> FindFamily(std::string_view name) = 0;
  // Calls SIOCETHTOOL. `data` is a struct of linux/ethtool.h, which begins with its command.
  virtual Status Ioctl(const std::string& operation, uint32_t ifindex, void* data) = 0;
  // Fails with EBUSY while a run of another process has the pool.
  virtual Result<HugePages> GetHugePages() = 0;
  virtual Status SetHugePages(uint64_t pages) = 0;
  // The right to change the pool (HugePagesLock), which SetHugePages() takes for as long as it
  // needs if it is not taken.
  virtual Status TakeHugePages(Deadline deadline) = 0;
  virtual void ReleaseHugePages() = 0;
  [[nodiscard]] virtual bool HasHugePages() const = 0;
  virtual Result<uint32_t> GetKeepAddrOnDown(const std::string& interface) = 0;
  virtual Status SetKeepAddrOnDown(const std::string& interface, uint32_t value) = 0;
};

Result<std::unique_ptr<Kernel>> OpenKernel();

// Returns the only message of an answer. Fails on any other number of messages.
Result<netlink::Message> OnlyMessage(Result<std::vector<netlink::Message>> answer,
                                     const std::string& operation);

}  // namespace zcrx
