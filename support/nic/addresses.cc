#include "support/nic/addresses.h"

#include <arpa/inet.h>
#include <fcntl.h>
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
#include "support/base/unique_fd.h"

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

// Returns the interface index of an RTM_NEWADDR message if it is about this address.
std::optional<uint32_t> Holder(const netlink::Message& message, const Binary& address) {
  ifaddrmsg header;
  if (message.type != RTM_NEWADDR || message.payload.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, message.payload.data(), sizeof(header));
  const netlink::Attributes attrs = message.Attrs(sizeof(header));
  // On a point-to-point interface IFA_ADDRESS is the peer's address.
  const auto local = attrs.Find(IFA_LOCAL);
  const netlink::Bytes bytes = local ? *local : attrs.Find(IFA_ADDRESS).value_or(netlink::Bytes{});
  if (!std::ranges::equal(bytes, address.Bytes())) return std::nullopt;
  return header.ifa_index;
}

std::string NameOf(uint32_t index) {
  char name[IF_NAMESIZE];
  return ::if_indextoname(index, name) != nullptr ? name : fmt::format("interface {}", index);
}

}  // namespace

Status CheckAddressIsOn(Nic& nic, const std::string& address) {
  const std::optional<Binary> wanted = Parse(address);
  if (!wanted) return Fail(fmt::format("{} is not an IPv4 or IPv6 address", address));
  netlink::Request request("list addresses", RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);
  const ifaddrmsg header = {.ifa_family = static_cast<uint8_t>(wanted->family),
                            .ifa_prefixlen = 0,
                            .ifa_flags = 0,
                            .ifa_scope = 0,
                            .ifa_index = 0};
  request.Header(&header, sizeof(header));
  ZCRX_ASSIGN_OR_RETURN(const auto messages, nic.GetKernel().Call(NETLINK_ROUTE, request));
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
  const std::string file = KeepAddrOnDownFile(interface, folder);
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.Valid()) return FailErrno("open " + file);
  return WriteAll(fd.Get(), fmt::format("{}\n", static_cast<int32_t>(value)), "write " + file);
}

}  // namespace zcrx
