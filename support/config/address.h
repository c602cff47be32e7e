// Addresses that traffic between two machines can use.
#pragma once

#include <optional>
#include <string>

namespace zcrx {

// Why `text` is no address of this family (AF_INET or AF_INET6) for a test between two machines;
// nullopt: it is one. A link-local address is refused, because its scope (fe80::1%eth0) names an
// interface of one machine, and the other one needs the address too.
std::optional<std::string> AddressProblem(const std::string& text, int family);

// Whether two valid addresses of one family are the same, however written.
bool SameAddress(const std::string& a, const std::string& b, int family);

}  // namespace zcrx
