// IP addresses of network interfaces: rtnetlink(7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/nic/nic.h"

namespace zcrx {

// Fails unless `address` (as inet_pton(3) reads it) is on the NIC itself. An address of another
// interface is reached through that interface or loopback, and one of a VLAN, bond or bridge above
// the NIC by packets that the tests' flow rules do not match. The error names the interfaces that
// have it.
Status CheckAddressIsOn(Nic& nic, const std::string& address);

// An address: of its RTM_NEWADDR message what the kernel needs to have it again (but the metric of
// its route).
struct NicAddress {
  uint8_t family = 0;
  uint8_t prefix = 0;  // bits
  uint8_t scope = 0;   // RT_SCOPE_*
  std::vector<std::byte> local = {};
  std::vector<std::byte> peer = {};       // or the same
  std::vector<std::byte> broadcast = {};  // empty: none
  bool makes_route = true;                // to its prefix: not with IFA_F_NOPREFIXROUTE

  bool operator==(const NicAddress&) const = default;
};
// Returns the addresses that somebody has set: those with a lifetime (DHCP, router advertisements)
// and link-local ones come by themselves.
Result<std::vector<NicAddress>> GetSetAddresses(Nic& nic);
// Adds an address, usable at once (without duplicate address detection), if it is not there.
Status AddAddress(Nic& nic, const NicAddress& address);

// Waits as WaitForLink() does, and then until the kernel has looked whether anybody else has the
// NIC's IPv6 addresses (duplicate address detection, 1 to 2 s): bind(2) refuses an address until
// then. That begins once the link runs, also of an address that the NIC keeps while it is down
// (addrconf_ifdown() in net/ipv6/addrconf.c). Link-local addresses are not waited for.
Status WaitUntilReachable(Nic& nic, Deadline deadline);

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
