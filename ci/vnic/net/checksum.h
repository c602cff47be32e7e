// The Internet checksum (RFC 1071) and what it covers in IPv4, TCP and UDP.
#pragma once

#include <cstdint>
#include <span>

#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/packet.h"

namespace vnic {

// The ones' complement sum of the bytes, taken as big-endian words and padded with a zero byte;
// not yet inverted, in host byte order. `initial` is the sum of an even number of bytes before.
std::uint16_t InternetSum(std::span<const std::uint8_t> bytes, std::uint16_t initial = 0);

// Writes the checksum of the IPv4 header. False, and nothing written, unless the frame has one.
bool CompleteIpv4Checksum(std::span<std::uint8_t> frame, const Headers& headers);

// Writes the TCP or UDP checksum, whatever stood in its place (drivers leave the pseudo-header sum
// there). False, and nothing written, unless the frame has TCP or UDP.
bool CompleteTransportChecksum(std::span<std::uint8_t> frame, const Headers& headers);

// kAbsent: there is none to check (no such header; a fragment; UDP without a checksum).
enum class ChecksumVerdict { kAbsent, kGood, kBad };

ChecksumVerdict VerifyIpv4Checksum(Frame frame, const Headers& headers);
ChecksumVerdict VerifyTransportChecksum(Frame frame, const Headers& headers);

// For all four: `headers` must be those of this very frame.

}  // namespace vnic
