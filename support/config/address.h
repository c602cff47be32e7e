// Checks of addresses for traffic between two machines.
#pragma once

#include <optional>
#include <string>

namespace zcrx {

// Returns why `text` cannot be used as an address of `family` (AF_INET or AF_INET6) in a test
// between two machines, nullopt if it can. Link-local addresses are refused: their scope
// (fe80::1%eth0) names an interface of one machine, and the other machine needs the address too.
std::optional<std::string> AddressProblem(const std::string& text, int family);

// Returns whether two valid addresses of one family are the same, in whatever notation.
bool SameAddress(const std::string& a, const std::string& b, int family);

}  // namespace zcrx
