// The NIC under test: a network interface and the sockets for requests about it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "support/base/result.h"
#include "support/nic/kernel.h"
#include "support/nic/netlink/family.h"

namespace zcrx {

// All functions of support/nic take a Nic.
class Nic {
 public:
  // Opens a NIC by its name or an altname. If there is none, fails with the existing names: "no
  // network interface eth7; there are: lo, eth0".
  static Result<Nic> Open(std::string_view name);
  static Result<Nic> Open(std::string_view name, std::unique_ptr<Kernel> kernel);

  // Returns the kernel's name, which its log, traces and answers use, even if an altname was given.
  [[nodiscard]] const std::string& Name() const { return name_; }
  [[nodiscard]] uint32_t Index() const { return index_; }

  // For use inside support/nic.
  [[nodiscard]] Kernel& GetKernel() { return *kernel_; }
  [[nodiscard]] const netlink::Family& Ethtool() const { return ethtool_; }
  // The netdev family (Linux 6.3); on an older kernel an error that says so.
  [[nodiscard]] const Result<netlink::Family>& Netdev() const { return netdev_; }
  // Send a request to either family. CallForOne() fails on any other number of messages than one.
  Result<std::vector<netlink::Message>> Call(netlink::Request& request);
  Result<netlink::Message> CallForOne(netlink::Request& request);
  // Returns a request to the ethtool family with its header (the interface) filled in.
  [[nodiscard]] netlink::Request EthtoolRequest(std::string operation, uint8_t command,
                                                uint32_t header_flags = 0);
  // Returns a dump request about the interface.
  [[nodiscard]] netlink::Request EthtoolDump(std::string operation, uint8_t command);
  // Sends a request that sets something and returns whether it changed anything: then the kernel
  // sends `notification` (ETHTOOL_MSG_*_NTF) to all listeners before it acks. Fails with ENOBUFS if
  // the request succeeded but notifications were lost, perhaps including this one.
  Result<bool> CallAndTell(netlink::Request& request, uint8_t notification);
  // Calls SIOCETHTOOL. `data` is a struct of linux/ethtool.h, which begins with its command.
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

// Returns whether `notification` for the interface is among the pending messages of `monitor`.
// Fails with ENOBUFS if it is not and some were lost.
Result<bool> HasTold(Notifications& monitor, uint8_t notification, uint32_t ifindex);

// As ethtool -i shows it. Fields that the driver does not fill in are empty.
struct DriverInfo {
  std::string driver;   // "gve"
  std::string version;  // the driver's, or the kernel's release
  std::string firmware;
  std::string bus;  // "0000:00:04.0"
};
Result<DriverInfo> GetDriverInfo(Nic& nic);

}  // namespace zcrx
