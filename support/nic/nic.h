// The NIC under test: a network interface, and the sockets that ask about it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "support/base/result.h"
#include "support/nic/kernel.h"
#include "support/nic/netlink/family.h"

namespace zcrx {

// Everything in support/nic takes one.
class Nic {
 public:
  // By any of its names. "no network interface eth7; there are: lo, eth0" where there is none.
  static Result<Nic> Open(std::string_view name);
  static Result<Nic> Open(std::string_view name, std::unique_ptr<Kernel> kernel);

  // The kernel's own name for it, whichever was given: that of its log, its traces and its answers.
  [[nodiscard]] const std::string& Name() const { return name_; }
  [[nodiscard]] uint32_t Index() const { return index_; }

  // For the files of support/nic.
  [[nodiscard]] Kernel& GetKernel() { return *kernel_; }
  [[nodiscard]] const netlink::Family& Ethtool() const { return ethtool_; }
  // Since Linux 6.3; the error says so on an older one.
  [[nodiscard]] const Result<netlink::Family>& Netdev() const { return netdev_; }
  // Of either family. CallForOne: any other number of messages than one is an error.
  Result<std::vector<netlink::Message>> Call(netlink::Request& request);
  Result<netlink::Message> CallForOne(netlink::Request& request);
  // A request to the ethtool family with its header (the interface) filled in.
  [[nodiscard]] netlink::Request EthtoolRequest(std::string operation, uint8_t command,
                                                uint32_t header_flags = 0);
  // The same for all that there is of the interface.
  [[nodiscard]] netlink::Request EthtoolDump(std::string operation, uint8_t command);
  // Sends a request that sets something, and tells whether the kernel found anything to change:
  // then it sends `notification` (ETHTOOL_MSG_*_NTF) to all listeners, before it acks. ENOBUFS: it
  // is set, and notifications were lost, that one perhaps among them.
  Result<bool> CallAndTell(netlink::Request& request, uint8_t notification);
  // SIOCETHTOOL; `data` is a struct of linux/ethtool.h that begins with its command.
  Status Ioctl(const std::string& operation, void* data);

 private:
  Nic(std::string name, uint32_t index, std::unique_ptr<Kernel> kernel, netlink::Family ethtool,
      Result<netlink::Family> netdev)
      : name_(std::move(name)),
        index_(index),
        kernel_(std::move(kernel)),
        ethtool_(std::move(ethtool)),
        netdev_(std::move(netdev)) {}

  std::string name_;
  uint32_t index_;
  std::unique_ptr<Kernel> kernel_;
  netlink::Family ethtool_;
  Result<netlink::Family> netdev_;
};

// Whether `notification` of the interface is among those that have come to `monitor`; ENOBUFS where
// it is not, and some were lost.
Result<bool> HasTold(Notifications& monitor, uint8_t notification, uint32_t ifindex);

// ethtool -i. Empty where the driver does not say.
struct DriverInfo {
  std::string driver;   // "gve"
  std::string version;  // the driver's own, or the kernel's release
  std::string firmware;
  std::string bus;  // "0000:00:04.0"
};
Result<DriverInfo> GetDriverInfo(Nic& nic);

}  // namespace zcrx
