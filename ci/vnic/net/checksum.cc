#include "ci/vnic/net/checksum.h"

#include <bit>
#include <cstring>

#include "ci/vnic/base/endian.h"

namespace vnic {
namespace {

constexpr std::size_t kIpv4ChecksumAt = 10;
constexpr std::size_t kTcpChecksumAt = 16;
constexpr std::size_t kUdpChecksumAt = 6;
constexpr std::uint16_t kAllOnes = 0xffff;  // the sum of bytes that hold a right checksum

std::uint16_t Fold(std::uint64_t sum) {
  while (sum > kAllOnes) sum = (sum & kAllOnes) + (sum >> 16U);
  return static_cast<std::uint16_t>(sum);
}

std::uint16_t Inverted(std::uint16_t sum) { return static_cast<std::uint16_t>(~sum); }

std::size_t ChecksumOffset(const Headers& headers) {
  return headers.transport_offset +
         (headers.transport == Transport::kTcp ? kTcpChecksumAt : kUdpChecksumAt);
}

// Over the pseudo-header (RFC 9293, 3.1; RFC 8200, 8.1) and all from the transport header on.
std::uint16_t TransportSum(Frame frame, const Headers& headers) {
  const std::size_t length = headers.payload_end - headers.transport_offset;
  // Bytes behind an IPv4 address are zero and change nothing.
  std::uint64_t sum = InternetSum(headers.source);
  sum += InternetSum(headers.destination);
  sum += headers.protocol;
  sum += length;
  return InternetSum(frame.subspan(headers.transport_offset, length), Fold(sum));
}

Frame Ipv4Header(Frame frame, const Headers& headers) {
  return frame.subspan(headers.network_offset, headers.transport_offset - headers.network_offset);
}

}  // namespace

std::uint16_t InternetSum(std::span<const std::uint8_t> bytes, std::uint16_t initial) {
  // In the machine's byte order, eight bytes at a time: the sum only differs by a byte swap
  // (RFC 1071, 2B). The halves cannot overflow below 32 GiB.
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= sizeof(std::uint64_t);
       at += sizeof(std::uint64_t), left -= sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    low += word & 0xffffffffU;
    high += word >> 32U;
  }
  if (left > 0) {
    std::uint64_t tail = 0;
    std::memcpy(&tail, at, left);
    low += tail & 0xffffffffU;
    high += tail >> 32U;
  }
  std::uint16_t sum = Fold(std::uint64_t{Fold(low)} + Fold(high));
  if constexpr (std::endian::native == std::endian::little) sum = std::byteswap(sum);
  return Fold(std::uint64_t{sum} + initial);
}

bool CompleteIpv4Checksum(std::span<std::uint8_t> frame, const Headers& headers) {
  if (headers.network != Network::kIpv4) return false;
  const std::size_t field = headers.network_offset + kIpv4ChecksumAt;
  StoreAt(frame, field, Be16(0));
  StoreAt(frame, field, Be16(Inverted(InternetSum(Ipv4Header(frame, headers)))));
  return true;
}

bool CompleteTransportChecksum(std::span<std::uint8_t> frame, const Headers& headers) {
  if (headers.transport == Transport::kNone) return false;
  const std::size_t field = ChecksumOffset(headers);
  StoreAt(frame, field, Be16(0));
  std::uint16_t checksum = Inverted(TransportSum(frame, headers));
  // In UDP 0 says "no checksum" (RFC 768); its other form means the same sum.
  if (checksum == 0 && headers.transport == Transport::kUdp) checksum = kAllOnes;
  StoreAt(frame, field, Be16(checksum));
  return true;
}

ChecksumVerdict VerifyIpv4Checksum(Frame frame, const Headers& headers) {
  if (headers.network != Network::kIpv4) return ChecksumVerdict::kAbsent;
  const bool good = InternetSum(Ipv4Header(frame, headers)) == kAllOnes;
  return good ? ChecksumVerdict::kGood : ChecksumVerdict::kBad;
}

ChecksumVerdict VerifyTransportChecksum(Frame frame, const Headers& headers) {
  if (headers.transport == Transport::kNone) return ChecksumVerdict::kAbsent;
  if (headers.transport == Transport::kUdp && LoadAt<Be16>(frame, ChecksumOffset(headers)) == 0) {
    // Over IPv6 UDP must have one (RFC 8200, 8.1).
    return headers.network == Network::kIpv6 ? ChecksumVerdict::kBad : ChecksumVerdict::kAbsent;
  }
  const bool good = TransportSum(frame, headers) == kAllOnes;
  return good ? ChecksumVerdict::kGood : ChecksumVerdict::kBad;
}

}  // namespace vnic
