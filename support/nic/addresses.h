// IP addresses of network interfaces: rtnetlink(7).
#pragma once

#include <string>

#include "support/base/result.h"
#include "support/nic/nic.h"

namespace zcrx {

// Fails unless `address` (as inet_pton(3) reads it) is on the NIC itself. An address of another
// interface is reached through that interface or loopback, and one of a VLAN, bond or bridge above
// the NIC by packets that the tests' flow rules do not match. The error names the interfaces that
// have it.
Status CheckAddressIsOn(Nic& nic, const std::string& address);

}  // namespace zcrx
