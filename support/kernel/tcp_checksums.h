// Counts segments that the kernel dropped because their TCP checksum was wrong or could not be
// verified. The kernel cannot read payload in a zcrx area to sum it up, so the NIC has to vouch for
// its checksum.
#pragma once

#include <cstdint>
#include <string_view>

#include "support/base/result.h"

namespace zcrx {

// Returns InCsumErrors of /proc/net/snmp: the count since boot, in this network namespace.
Result<uint64_t> CountTcpChecksumErrors();

// Parses `snmp`: pairs of lines "Tcp: NAME ..." and "Tcp: VALUE ..." (net/ipv4/proc.c).
Result<uint64_t> ParseTcpChecksumErrors(std::string_view snmp);

}  // namespace zcrx
