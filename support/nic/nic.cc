#include "support/nic/nic.h"

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "support/nic/link.h"

namespace zcrx {
namespace {

constexpr int kHeaderAttribute = 1;  // ETHTOOL_A_RINGS_HEADER and equivalents

std::string InterfaceNames() {
  struct Free {
    void operator()(struct if_nameindex* list) const { ::if_freenameindex(list); }
  };
  const std::unique_ptr<struct if_nameindex, Free> list(::if_nameindex());
  std::string names;
  for (const struct if_nameindex* entry = list.get(); entry && entry->if_name; ++entry) {
    names += (names.empty() ? "" : ", ") + std::string(entry->if_name);
  }
  return names;
}

// Returns the text of a fixed-size kernel field, which may lack its NUL.
template <size_t N>
std::string Field(const char (&field)[N]) {
  return {field, ::strnlen(field, N)};
}

}  // namespace

Result<Nic> Nic::Open(std::string_view name) {
  ZCRX_ASSIGN_OR_RETURN(std::unique_ptr<Kernel> kernel, OpenKernel());
  return Open(name, std::move(kernel));
}

Result<Nic> Nic::Open(std::string_view name, std::unique_ptr<Kernel> kernel) {
  Result<Link> link = FindLink(*kernel, name);
  if (!link) {
    if (link.error().code != ENODEV) return std::unexpected(std::move(link).error());
    return Fail(fmt::format("open NIC {}", name), 0,
                fmt::format("no network interface {}; there are: {}", name, InterfaceNames()));
  }
  ZCRX_ASSIGN_OR_RETURN(auto ethtool, kernel->FindFamily(ETHTOOL_GENL_NAME));
  auto netdev = kernel->FindFamily("netdev");
  return Nic(std::move(link->name), link->index, std::move(kernel), std::move(ethtool),
             std::move(netdev));
}

Result<std::vector<netlink::Message>> Nic::Call(netlink::Request& request) {
  return kernel_->Call(NETLINK_GENERIC, request);
}

Result<netlink::Message> Nic::CallForOne(netlink::Request& request) {
  return OnlyMessage(Call(request), request.Operation());
}

netlink::Request Nic::EthtoolRequest(std::string operation, uint8_t command,
                                     uint32_t header_flags) {
  auto request = ethtool_.Get(std::move(operation), command);
  request.BeginNest(kHeaderAttribute).PutU32(ETHTOOL_A_HEADER_DEV_INDEX, index_);
  if (header_flags != 0) request.PutU32(ETHTOOL_A_HEADER_FLAGS, header_flags);
  request.EndNest();
  return request;
}

netlink::Request Nic::EthtoolDump(std::string operation, uint8_t command) {
  auto request = ethtool_.Dump(std::move(operation), command);
  request.BeginNest(kHeaderAttribute).PutU32(ETHTOOL_A_HEADER_DEV_INDEX, index_).EndNest();
  return request;
}

Result<bool> Nic::CallAndTell(netlink::Request& request, uint8_t notification) {
  const auto group = ethtool_.Group(ETHTOOL_MCGRP_MONITOR_NAME);
  if (!group)
    return Fail("listen to ethtool's notifications", ENOENT, "the kernel has no such group");
  ZCRX_ASSIGN_OR_RETURN(const auto monitor, kernel_->Listen(NETLINK_GENERIC, *group));
  ZCRX_RETURN_IF_ERROR(Call(request));
  return HasTold(*monitor, notification, index_);
}

Status Nic::Ioctl(const std::string& operation, void* data) {
  return kernel_->Ioctl(operation, index_, data);
}

Result<bool> HasTold(Notifications& monitor, uint8_t notification, uint32_t ifindex) {
  bool told = false;
  bool lost = false;
  while (true) {
    // All notifications sent before the ack are in the socket by now, so do not wait.
    ZCRX_ASSIGN_OR_RETURN(const auto messages, monitor.Next(Deadline::In({})));
    if (messages.empty()) break;
    for (const netlink::Message& message : messages) {
      lost |= message.IsLoss();
      const auto header = message.Attrs().Nested(kHeaderAttribute);
      told |=
          message.Command() == notification && header.U32(ETHTOOL_A_HEADER_DEV_INDEX) == ifindex;
    }
  }
  if (!told && lost) {
    return Fail("learn whether the kernel changed anything", ENOBUFS,
                "notifications came faster than they could be read");
  }
  return told;
}

Result<DriverInfo> GetDriverInfo(Nic& nic) {
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  ZCRX_RETURN_IF_ERROR(nic.Ioctl("get driver of " + nic.Name(), &info));
  return DriverInfo{.driver = Field(info.driver),
                    .version = Field(info.version),
                    .firmware = Field(info.fw_version),
                    .bus = Field(info.bus_info)};
}

}  // namespace zcrx
