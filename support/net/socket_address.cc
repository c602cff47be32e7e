#include "support/net/socket_address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <cstddef>
#include <cstring>

#include "support/base/numbers.h"

namespace zcrx {
namespace {

// Returns the index of "eth1" or "3"; 0, which is never an interface index, if it is neither.
uint32_t ScopeId(const std::string& scope) {
  if (const unsigned index = if_nametoindex(scope.c_str()); index != 0) return index;
  return ParseNumber<uint32_t>(scope).value_or(0);
}

// Reads and writes the storage through memcpy, because a sockaddr_in is not a sockaddr_storage.
template <typename Sockaddr>
Sockaddr As(const sockaddr_storage& storage) {
  Sockaddr address;
  std::memcpy(&address, &storage, sizeof(address));
  return address;
}

}  // namespace

Result<SocketAddress> SocketAddress::Parse(const std::string& address, uint16_t port) {
  SocketAddress result;
  sockaddr_in v4 = {};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    std::memcpy(&result.storage_, &v4, sizeof(v4));
    return result;
  }
  sockaddr_in6 v6 = {};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  const size_t percent = address.find('%');
  if (inet_pton(AF_INET6, address.substr(0, percent).c_str(), &v6.sin6_addr) != 1) {
    return Fail("address '" + address + "'", 0, "not an IPv4 or IPv6 address");
  }
  if (percent != std::string::npos) {
    v6.sin6_scope_id = ScopeId(address.substr(percent + 1));
    if (v6.sin6_scope_id == 0) {
      return Fail("address '" + address + "'", ENODEV, "no network interface has this scope");
    }
  }
  std::memcpy(&result.storage_, &v6, sizeof(v6));
  return result;
}

Result<SocketAddress> SocketAddress::OfSocket(int fd) {
  SocketAddress result;
  socklen_t length = sizeof(result.storage_);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&result.storage_), &length) != 0) {
    return FailErrno("read the address of a socket");
  }
  if (result.Family() != AF_INET && result.Family() != AF_INET6) {
    return Fail("read the address of a socket", EAFNOSUPPORT);
  }
  return result;
}

SocketAddress SocketAddress::WithPort(uint16_t port) const {
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  SocketAddress result = *this;
  const in_port_t in_network_order = htons(port);
  std::memcpy(reinterpret_cast<std::byte*>(&result.storage_) + offsetof(sockaddr_in, sin_port),
              &in_network_order, sizeof(in_network_order));
  return result;
}

uint16_t SocketAddress::Port() const {
  return ntohs(Family() == AF_INET ? As<sockaddr_in>(storage_).sin_port
                                   : As<sockaddr_in6>(storage_).sin6_port);
}

std::string SocketAddress::Address() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (Family() == AF_INET) {
    const auto v4 = As<sockaddr_in>(storage_);
    return inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
  }
  const auto v6 = As<sockaddr_in6>(storage_);
  std::string address = inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  if (v6.sin6_scope_id != 0) address += fmt::format("%{}", v6.sin6_scope_id);
  return address;
}

std::string SocketAddress::Text() const {
  if (Family() == AF_INET) return fmt::format("{}:{}", Address(), Port());
  return fmt::format("[{}]:{}", Address(), Port());
}

socklen_t SocketAddress::Length() const {
  return Family() == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

}  // namespace zcrx
