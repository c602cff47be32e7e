// Segments that the kernel dropped because their TCP checksum did not hold, or could not be seen
// to: it cannot sum up payload that lies in zcrx's memory, so there the NIC has to vouch for it.
#pragma once

#include <cstdint>
#include <string_view>

#include "support/base/result.h"

namespace zcrx {

// Since boot, of this network namespace: InCsumErrors in /proc/net/snmp.
Result<uint64_t> CountTcpChecksumErrors();

// `snmp`: pairs of lines "Tcp: NAME ..." and "Tcp: VALUE ..." (net/ipv4/proc.c).
Result<uint64_t> ParseTcpChecksumErrors(std::string_view snmp);

}  // namespace zcrx
