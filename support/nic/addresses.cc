#include "support/nic/addresses.h"

#include <arpa/inet.h>
#include <fmt/ranges.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "support/base/files.h"
#include "support/base/kill_point.h"
#include "support/base/numbers.h"
#include "support/base/wait.h"
#include "support/nic/link.h"

namespace zcrx {
namespace {

constexpr size_t kLongestNumber = 32;

std::string KeepAddrOnDownFile(const std::string& interface, const std::string& folder) {
  return folder + "/" + interface + "/keep_addr_on_down";
}

struct Binary {
  int family;
  std::array<std::byte, sizeof(in6_addr)> storage = {};

  [[nodiscard]] netlink::Bytes Bytes() const {
    return netlink::Bytes(storage).first(family == AF_INET ? sizeof(in_addr) : sizeof(in6_addr));
  }
};

std::optional<Binary> Parse(const std::string& address) {
  for (const int family : {AF_INET, AF_INET6}) {
    Binary binary = {.family = family};
    if (::inet_pton(family, address.c_str(), binary.storage.data()) == 1) return binary;
  }
  return std::nullopt;
}

std::optional<ifaddrmsg> HeaderOf(const netlink::Message& message) {
  ifaddrmsg header;
  if (message.type != RTM_NEWADDR || message.payload.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, message.payload.data(), sizeof(header));
  return header;
}

// On a point-to-point interface IFA_ADDRESS is the peer's address.
netlink::Bytes LocalOf(const netlink::Attributes& attrs) {
  const auto local = attrs.Find(IFA_LOCAL);
  return local ? *local : attrs.Find(IFA_ADDRESS).value_or(netlink::Bytes{});
}

// Returns the interface index of an RTM_NEWADDR message if it is about this address.
std::optional<uint32_t> Holder(const netlink::Message& message, const Binary& address) {
  const auto header = HeaderOf(message);
  if (!header || !std::ranges::equal(LocalOf(message.Attrs(sizeof(*header))), address.Bytes())) {
    return std::nullopt;
  }
  return header->ifa_index;
}

Result<std::vector<netlink::Message>> ListAddresses(Nic& nic, int family) {
  netlink::Request request("list addresses", RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);
  const ifaddrmsg header = {.ifa_family = static_cast<uint8_t>(family),
                            .ifa_prefixlen = 0,
                            .ifa_flags = 0,
                            .ifa_scope = 0,
                            .ifa_index = 0};
  request.Header(&header, sizeof(header));
  return nic.GetKernel().Call(NETLINK_ROUTE, request);
}

uint32_t FlagsOf(const netlink::Message& message, const ifaddrmsg& header) {
  return message.Attrs(sizeof(header)).U32(IFA_FLAGS).value_or(header.ifa_flags);
}

Result<bool> AnyIsTentative(Nic& nic) {
  ZCRX_ASSIGN_OR_RETURN(const auto messages, ListAddresses(nic, AF_INET6));
  return std::ranges::any_of(messages, [&](const netlink::Message& message) {
    const auto header = HeaderOf(message);
    // A kernel without IPv6 lists the addresses of all families.
    return header && header->ifa_family == AF_INET6 && header->ifa_index == nic.Index() &&
           header->ifa_scope != RT_SCOPE_LINK &&
           (FlagsOf(message, *header) & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == IFA_F_TENTATIVE;
  });
}

std::string NameOf(uint32_t index) {
  char name[IF_NAMESIZE];
  return ::if_indextoname(index, name) != nullptr ? name : fmt::format("interface {}", index);
}

}  // namespace

Status CheckAddressIsOn(Nic& nic, const std::string& address) {
  const std::optional<Binary> wanted = Parse(address);
  if (!wanted) return Fail(fmt::format("{} is not an IPv4 or IPv6 address", address));
  ZCRX_ASSIGN_OR_RETURN(const auto messages, ListAddresses(nic, wanted->family));
  std::vector<std::string> others;
  for (const netlink::Message& message : messages) {
    const std::optional<uint32_t> holder = Holder(message, *wanted);
    if (holder == nic.Index()) return {};
    if (holder) others.push_back(NameOf(*holder));
  }
  return Fail(fmt::format("{} is not an address of {}", address, nic.Name()), 0,
              others.empty() ? "no interface of this machine has this address"
                             : fmt::format("{} has this address", fmt::join(others, ", ")));
}

Result<std::vector<NicAddress>> GetSetAddresses(Nic& nic) {
  ZCRX_ASSIGN_OR_RETURN(const auto messages, ListAddresses(nic, AF_UNSPEC));
  std::vector<NicAddress> addresses;
  for (const netlink::Message& message : messages) {
    const auto header = HeaderOf(message);
    if (!header || header->ifa_index != nic.Index()) continue;
    const bool set = (header->ifa_flags & IFA_F_PERMANENT) != 0;
    if (!set || header->ifa_scope == RT_SCOPE_LINK) continue;
    const netlink::Attributes attrs = message.Attrs(sizeof(*header));
    const auto bytes = [](netlink::Bytes view) { return std::vector(view.begin(), view.end()); };
    const netlink::Bytes local = LocalOf(attrs);
    addresses.push_back({.family = header->ifa_family,
                         .prefix = header->ifa_prefixlen,
                         .scope = header->ifa_scope,
                         .local = bytes(local),
                         .peer = bytes(attrs.Find(IFA_ADDRESS).value_or(local)),
                         .broadcast = bytes(attrs.Find(IFA_BROADCAST).value_or(netlink::Bytes{})),
                         .makes_route = (FlagsOf(message, *header) & IFA_F_NOPREFIXROUTE) == 0});
  }
  return addresses;
}

Status AddAddress(Nic& nic, const NicAddress& address) {
  netlink::Request request("add an address to " + nic.Name(), RTM_NEWADDR,
                           NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
  const ifaddrmsg header = {.ifa_family = address.family,
                            .ifa_prefixlen = address.prefix,
                            .ifa_flags = IFA_F_PERMANENT | IFA_F_NODAD,
                            .ifa_scope = address.scope,
                            .ifa_index = nic.Index()};
  request.Header(&header, sizeof(header))
      .PutBytes(IFA_LOCAL, address.local)
      .PutBytes(IFA_ADDRESS, address.peer);
  if (!address.makes_route) {  // the header has room for eight flags
    request.PutU32(IFA_FLAGS, IFA_F_PERMANENT | IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
  }
  if (!address.broadcast.empty()) request.PutBytes(IFA_BROADCAST, address.broadcast);
  const auto added = nic.GetKernel().Call(NETLINK_ROUTE, request);
  if (added || added.error().code == EEXIST) return {};
  return std::unexpected(added.error());
}

Status WaitUntilReachable(Nic& nic, Deadline deadline) {
  ZCRX_RETURN_IF_ERROR(WaitForLink(nic, deadline));
  const std::string operation = "wait for the addresses of " + nic.Name();
  // Subscribe before the first look, so that no change is missed in between.
  ZCRX_ASSIGN_OR_RETURN(const auto changes,
                        nic.GetKernel().Listen(NETLINK_ROUTE, RTNLGRP_IPV6_IFADDR));
  while (true) {
    ZCRX_ASSIGN_OR_RETURN(const bool tentative, AnyIsTentative(nic));
    if (!tentative) return {};
    if (deadline.Expired()) return FailExpired(operation, "the kernel still looks for duplicates");
    ZCRX_RETURN_IF_ERROR(changes->Next(deadline));
  }
}

Result<uint32_t> GetKeepAddrOnDown(const std::string& interface, const std::string& folder) {
  const std::string file = KeepAddrOnDownFile(interface, folder);
  ZCRX_ASSIGN_OR_RETURN(std::string text, ReadFile(file, kLongestNumber));
  if (text.ends_with('\n')) text.pop_back();
  const auto value = ParseNumber<int32_t>(text);
  if (!value) return Fail("read " + file, EBADMSG, "the file does not hold a number");
  return static_cast<uint32_t>(*value);
}

Status SetKeepAddrOnDown(const std::string& interface, uint32_t value, const std::string& folder) {
  const KillPoints points("set_keep_addr_on_down");
  return WriteSetting(KeepAddrOnDownFile(interface, folder),
                      std::to_string(static_cast<int32_t>(value)));
}

}  // namespace zcrx
