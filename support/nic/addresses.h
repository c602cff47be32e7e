// IP addresses of network interfaces: rtnetlink(7).
#pragma once

#include <cstdint>
#include <string>

#include "support/base/result.h"
#include "support/nic/nic.h"

namespace zcrx {

// Fails unless `address` (as inet_pton(3) reads it) is on the NIC itself. An address of another
// interface is reached through that interface or loopback, and one of a VLAN, bond or bridge above
// the NIC by packets that the tests' flow rules do not match. The error names the interfaces that
// have it.
Status CheckAddressIsOn(Nic& nic, const std::string& address);

// Tests use another `folder`.
inline constexpr const char* kIpv6Settings = "/proc/sys/net/ipv6/conf";

// Whether the interface keeps its static IPv6 addresses when it is set down (1), as it does not by
// default (0): keep_addr_on_down in Documentation/networking/ip-sysctl.rst. Its negative values
// count as unsigned. Fail with ENOENT if the kernel or the interface has no IPv6.
Result<uint32_t> GetKeepAddrOnDown(const std::string& interface,
                                   const std::string& folder = kIpv6Settings);
Status SetKeepAddrOnDown(const std::string& interface, uint32_t value,
                         const std::string& folder = kIpv6Settings);

}  // namespace zcrx
