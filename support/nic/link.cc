#include "support/nic/link.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>

#include "support/base/wait.h"

namespace zcrx {
namespace {

ifinfomsg HeaderFor(const Nic& nic) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = static_cast<int>(nic.Index());
  return header;
}

Status Send(Kernel& kernel, netlink::Request& request) {
  ZCRX_RETURN_IF_ERROR(kernel.Call(NETLINK_ROUTE, request));
  return {};
}

Result<Link> Ask(Kernel& kernel, netlink::Request& request) {
  ZCRX_ASSIGN_OR_RETURN(const netlink::Message reply,
                        OnlyMessage(kernel.Call(NETLINK_ROUTE, request), request.Operation()));
  return ParseLink(reply);
}

}  // namespace

Result<Link> ParseLink(const netlink::Message& message) {
  ifinfomsg header;
  if (message.type != RTM_NEWLINK || message.payload.size() < sizeof(header)) {
    return Fail("read link message", EBADMSG, fmt::format("message of type {}", message.type));
  }
  std::memcpy(&header, message.payload.data(), sizeof(header));
  const netlink::Attributes attrs = message.Attrs(sizeof(header));
  return Link{.index = static_cast<uint32_t>(header.ifi_index),
              .name = attrs.Text(IFLA_IFNAME).value_or(""),
              .admin_up = (header.ifi_flags & IFF_UP) != 0,
              .running = (header.ifi_flags & IFF_RUNNING) != 0,
              .mtu = attrs.U32(IFLA_MTU).value_or(0)};
}

Result<Link> FindLink(Kernel& kernel, std::string_view name) {
  const ifinfomsg header{};
  netlink::Request request(fmt::format("look up interface {}", name), RTM_GETLINK, NLM_F_REQUEST);
  // IFLA_ALT_IFNAME finds names and altnames, and only IFLA_IFNAME is limited to 15 characters:
  // rtnl_dev_get() in net/core/rtnetlink.c.
  request.Header(&header, sizeof(header)).PutText(IFLA_ALT_IFNAME, name);
  return Ask(kernel, request);
}

Result<Link> GetLink(Nic& nic) {
  const ifinfomsg header = HeaderFor(nic);
  netlink::Request request("get link of " + nic.Name(), RTM_GETLINK, NLM_F_REQUEST);
  request.Header(&header, sizeof(header));
  return Ask(nic.GetKernel(), request);
}

Status SetAdminUp(Nic& nic, bool up) {
  ifinfomsg header = HeaderFor(nic);
  header.ifi_flags = up ? IFF_UP : 0;
  header.ifi_change = IFF_UP;
  netlink::Request request(fmt::format("set {} {}", nic.Name(), up ? "up" : "down"), RTM_NEWLINK,
                           NLM_F_REQUEST);
  request.Header(&header, sizeof(header));
  return Send(nic.GetKernel(), request);
}

Status SetMtu(Nic& nic, uint32_t bytes) {
  const ifinfomsg header = HeaderFor(nic);
  netlink::Request request(fmt::format("set MTU of {} to {}", nic.Name(), bytes), RTM_NEWLINK,
                           NLM_F_REQUEST);
  request.Header(&header, sizeof(header)).PutU32(IFLA_MTU, bytes);
  return Send(nic.GetKernel(), request);
}

Status Rename(Nic& nic, const std::string& name) {
  const ifinfomsg header = HeaderFor(nic);
  netlink::Request request(fmt::format("rename {} to {}", nic.Name(), name), RTM_NEWLINK,
                           NLM_F_REQUEST);
  request.Header(&header, sizeof(header)).PutText(IFLA_IFNAME, name);
  return Send(nic.GetKernel(), request);
}

Status MoveToNamespaceOf(Nic& nic, pid_t process) {
  const ifinfomsg header = HeaderFor(nic);
  netlink::Request request(
      fmt::format("move {} to the network namespace of process {}", nic.Name(), process),
      RTM_NEWLINK, NLM_F_REQUEST);
  request.Header(&header, sizeof(header)).PutU32(IFLA_NET_NS_PID, static_cast<uint32_t>(process));
  return Send(nic.GetKernel(), request);
}

Status WaitForLink(Nic& nic, Deadline deadline) {
  const std::string operation = "wait for the link of " + nic.Name();
  // Subscribe before the first read, so that no change is missed in between.
  ZCRX_ASSIGN_OR_RETURN(const auto changes, nic.GetKernel().Listen(NETLINK_ROUTE, RTNLGRP_LINK));
  while (true) {
    ZCRX_ASSIGN_OR_RETURN(const Link link, GetLink(nic));
    if (link.running) return {};
    if (!link.admin_up) {
      return Fail(operation, ENETDOWN, fmt::format("bring it up: ip link set {} up", nic.Name()));
    }
    if (deadline.Expired()) return FailExpired(operation, "no carrier");
    ZCRX_RETURN_IF_ERROR(changes->Next(deadline));
  }
}

}  // namespace zcrx
