// The addresses of network interfaces: rtnetlink(7).
#pragma once

#include <string>

#include "support/base/result.h"
#include "support/nic/nic.h"

namespace zcrx {

// Fails unless `address` (as inet_pton(3) reads it) is on the NIC itself: one of another interface
// is reached by that, or by loopback, and one of a VLAN, bond or bridge above the NIC by packets
// that no flow rule of the tests matches. The error names the interfaces that have it.
Status CheckAddressIsOn(Nic& nic, const std::string& address);

}  // namespace zcrx
