#include "support/config/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

namespace zcrx {
namespace {

std::optional<std::string> Ipv4Problem(const std::string& text) {
  in_addr address{};
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) return "is not an IPv4 address";
  const uint32_t host = ntohl(address.s_addr);
  if (host == INADDR_ANY) return "is the unspecified address";
  if ((host >> 24) == IN_LOOPBACKNET) return "is a loopback address: no NIC sees its traffic";
  if (IN_MULTICAST(host) || host == INADDR_BROADCAST) return "is a multicast or broadcast address";
  return std::nullopt;
}

std::optional<std::string> Ipv6Problem(const std::string& text) {
  if (text.contains('%')) {
    return "has a scope (%), which means nothing to the other machine; use a global or a unique "
           "local address";
  }
  in6_addr address{};
  if (::inet_pton(AF_INET6, text.c_str(), &address) != 1) return "is not an IPv6 address";
  if (IN6_IS_ADDR_UNSPECIFIED(&address)) return "is the unspecified address";
  if (IN6_IS_ADDR_LOOPBACK(&address)) return "is a loopback address: no NIC sees its traffic";
  if (IN6_IS_ADDR_MULTICAST(&address)) return "is a multicast address";
  if (IN6_IS_ADDR_V4MAPPED(&address)) return "is an IPv4-mapped IPv6 address";
  if (IN6_IS_ADDR_LINKLOCAL(&address)) {
    return "is link-local and would need a scope, which differs between the machines; use a "
           "global or a unique local address";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> AddressProblem(const std::string& text, int family) {
  return family == AF_INET ? Ipv4Problem(text) : Ipv6Problem(text);
}

bool SameAddress(const std::string& a, const std::string& b, int family) {
  in6_addr first{};  // large enough for either family
  in6_addr second{};
  return ::inet_pton(family, a.c_str(), &first) == 1 &&
         ::inet_pton(family, b.c_str(), &second) == 1 &&
         std::memcmp(&first, &second, sizeof(first)) == 0;
}

}  // namespace zcrx
