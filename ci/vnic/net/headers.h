// The headers of a frame, as a NIC's parser sees them. The bytes come from a guest: every length
// in them is checked against the frame, and what does not fit is not a header.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "ci/vnic/net/packet.h"

namespace vnic {

enum class Network : std::uint8_t { kNone, kIpv4, kIpv6 };
enum class Transport : std::uint8_t { kNone, kTcp, kUdp };

inline constexpr std::uint16_t kEthertypeIpv4 = 0x0800;
inline constexpr std::uint16_t kEthertypeIpv6 = 0x86dd;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;

// Bytes; IPv6 without extension headers.
inline constexpr std::size_t kEthernetHeader = 14;
inline constexpr std::size_t kIpv4MinHeader = 20;
inline constexpr std::size_t kIpv6Header = 40;

// The shortest frame that a NIC sends (gve_tx_dqo.c: "HW requires that the size of a non-TSO packet
// be within the range of [17, 9728]").
inline constexpr std::size_t kMinFrame = 17;

// TCP flags (RFC 9293, 3.1), the low byte of the word that holds the data offset.
inline constexpr std::uint8_t kTcpFin = 0x01;
inline constexpr std::uint8_t kTcpSyn = 0x02;
inline constexpr std::uint8_t kTcpRst = 0x04;
inline constexpr std::uint8_t kTcpPsh = 0x08;
inline constexpr std::uint8_t kTcpAck = 0x10;
inline constexpr std::uint8_t kTcpCwr = 0x80;

// An IPv4 address has the first four bytes, the others are zero.
using IpAddress = std::array<std::uint8_t, 16>;

// Numbers are in host byte order, offsets in bytes from the start of the frame.
struct Headers {
  std::uint16_t ethertype = 0;  // behind the VLAN tags

  Network network = Network::kNone;
  std::size_t network_offset = 0;
  std::uint8_t traffic_class = 0;  // TOS or Traffic Class
  std::uint8_t protocol = 0;       // behind the IPv6 extension headers
  bool fragment = false;
  IpAddress source{};
  IpAddress destination{};

  // kNone for a fragment: it has no ports, or (the first one) only a part of what they cover. And
  // behind an IPv6 routing header: the checksum is over a destination that only that header knows
  // (RFC 8200, 8.1).
  Transport transport = Transport::kNone;
  std::size_t transport_offset = 0;  // of what `protocol` names; set whenever `network` is
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t tcp_flags = 0;

  // The end of the last header that was understood, and of the bytes that it speaks for: an
  // Ethernet trailer (padding to 60 bytes) is not payload.
  std::size_t payload_offset = 0;
  std::size_t payload_end = 0;

  [[nodiscard]] std::size_t PayloadLength() const { return payload_end - payload_offset; }
};

// In a burst the IP header's length may be that of the burst, of one frame, or 0 (larger than
// 65535 bytes; Linux include/net/ip.h, iph_totlen): hardware computes it anew for each frame.
enum class IpLength { kBinding, kIgnored };

// Returns nullopt only if not even the Ethernet header is complete. A frame whose IP or TCP/UDP
// header is malformed has the headers before it.
std::optional<Headers> ParseHeaders(Frame frame, IpLength ip_length = IpLength::kBinding);

// Parses a packet from the cable: kIgnored for a burst.
std::optional<Headers> ParseHeaders(const Packet& packet);

}  // namespace vnic
