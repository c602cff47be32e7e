// An IPv4 or IPv6 address and port, for either end of a test's connection.
//
// Addresses are literals: no name is looked up, so the sender can be linked statically. Source of
// the rules: inet_pton(3), ip(7), ipv6(7).
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "support/base/result.h"

namespace zcrx {

class SocketAddress {
 public:
  // Parses `address`: "192.0.2.1", "2001:db8::1" or "fe80::1%eth1" (scope by name or number).
  // `port` is in host order; 0 lets the kernel choose.
  static Result<SocketAddress> Parse(const std::string& address, uint16_t port);
  // Returns the address that `fd` is bound to.
  static Result<SocketAddress> OfSocket(int fd);
  // Returns the same address with another port.
  [[nodiscard]] SocketAddress WithPort(uint16_t port) const;

  [[nodiscard]] int Family() const { return storage_.ss_family; }  // AF_INET or AF_INET6
  [[nodiscard]] uint16_t Port() const;                             // host order
  [[nodiscard]] std::string Address() const;                       // what Parse() takes
  [[nodiscard]] std::string Text() const;                          // "192.0.2.1:80", "[::1]:80"

  [[nodiscard]] const sockaddr* Get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t Length() const;

 private:
  SocketAddress() = default;
  sockaddr_storage storage_ = {};
};

}  // namespace zcrx
