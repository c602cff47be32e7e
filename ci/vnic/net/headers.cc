#include "ci/vnic/net/headers.h"

#include <algorithm>

#include "ci/vnic/base/endian.h"

namespace vnic {
namespace {

constexpr std::size_t kEthernetAddresses = 12;
constexpr std::uint16_t kEthertypeVlan = 0x8100;
constexpr std::uint16_t kEthertypeServiceVlan = 0x88a8;
constexpr std::size_t kVlanTag = 4;
constexpr int kMaxVlanTags = 2;  // IEEE 802.1ad

constexpr std::size_t kTcpMinHeader = 20;
constexpr std::size_t kUdpHeader = 8;

// IPv6 extension headers (RFC 8200, section 4; RFC 4302).
constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kFragmentHeader = 44;
constexpr std::uint8_t kAuthentication = 51;
constexpr std::uint8_t kDestinationOptions = 60;
// A sensible packet has each kind once; a guest may send a frame full of them.
constexpr int kMaxExtensions = 8;

// Each parser below advances `headers` only over what is whole; bytes from `headers.payload_end` on
// do not belong to the packet.

void ParseTcp(Frame frame, Headers& headers) {
  const std::size_t at = headers.transport_offset;
  const std::size_t room = headers.payload_end - at;
  if (room < kTcpMinHeader) return;
  const std::size_t length = std::size_t{frame[at + 12]} >> 4U << 2U;
  if (length < kTcpMinHeader || length > room) return;
  headers.transport = Transport::kTcp;
  headers.source_port = LoadAt<Be16>(frame, at);
  headers.destination_port = LoadAt<Be16>(frame, at + 2);
  headers.tcp_flags = frame[at + 13];
  headers.payload_offset = at + length;
}

void ParseUdp(Frame frame, Headers& headers) {
  const std::size_t at = headers.transport_offset;
  const std::size_t room = headers.payload_end - at;
  if (room < kUdpHeader) return;
  const std::size_t length = LoadAt<Be16>(frame, at + 4);
  if (length < kUdpHeader || length > room) return;
  headers.transport = Transport::kUdp;
  headers.source_port = LoadAt<Be16>(frame, at);
  headers.destination_port = LoadAt<Be16>(frame, at + 2);
  headers.payload_offset = at + kUdpHeader;
  headers.payload_end = at + length;
}

void ParseTransport(Frame frame, Headers& headers) {
  headers.payload_offset = headers.transport_offset;
  if (headers.fragment) return;
  if (headers.protocol == kProtocolTcp) ParseTcp(frame, headers);
  if (headers.protocol == kProtocolUdp) ParseUdp(frame, headers);
}

void ParseIpv4(Frame frame, IpLength ip_length, Headers& headers) {
  const std::size_t at = headers.network_offset;
  const std::size_t room = frame.size() - at;
  if (room < kIpv4MinHeader || frame[at] >> 4U != 4) return;
  const std::size_t header = (frame[at] & 0x0fU) * std::size_t{4};
  const std::size_t total =
      ip_length == IpLength::kBinding ? std::size_t{LoadAt<Be16>(frame, at + 2)} : room;
  if (header < kIpv4MinHeader || header > total || total > room) return;
  constexpr std::uint16_t kMoreFragmentsAndOffset = 0x3fff;
  headers.network = Network::kIpv4;
  headers.traffic_class = frame[at + 1];
  headers.fragment = (LoadAt<Be16>(frame, at + 6) & kMoreFragmentsAndOffset) != 0;
  headers.protocol = frame[at + 9];
  std::ranges::copy(frame.subspan(at + 12, 4), headers.source.begin());
  std::ranges::copy(frame.subspan(at + 16, 4), headers.destination.begin());
  headers.transport_offset = at + header;
  headers.payload_end = at + total;
  ParseTransport(frame, headers);
}

// Moves `transport_offset` and `protocol` past the extension headers that a NIC parses.
void SkipExtensions(Frame frame, Headers& headers) {
  for (int i = 0; i < kMaxExtensions; ++i) {
    const std::size_t at = headers.transport_offset;
    const std::size_t room = headers.payload_end - at;
    if (room < 8) return;
    std::size_t length = 8;
    switch (headers.protocol) {
      case kHopByHop:
      case kDestinationOptions:
        length = (std::size_t{frame[at + 1]} + 1) * 8;
        break;
      case kAuthentication:
        length = (std::size_t{frame[at + 1]} + 2) * 4;
        break;
      case kFragmentHeader: {
        // Neither offset nor "more": an atomic fragment, whole (RFC 6946).
        constexpr std::uint16_t kOffsetAndMore = 0xfff9;
        if ((LoadAt<Be16>(frame, at + 2) & kOffsetAndMore) != 0) headers.fragment = true;
        break;
      }
      default:
        return;
    }
    if (length > room) return;
    headers.protocol = frame[at];
    headers.transport_offset = at + length;
    if (headers.fragment) return;  // what follows may be the middle of anything
  }
}

void ParseIpv6(Frame frame, IpLength ip_length, Headers& headers) {
  const std::size_t at = headers.network_offset;
  const std::size_t room = frame.size() - at;
  if (room < kIpv6Header || frame[at] >> 4U != 6) return;
  const std::size_t total = ip_length == IpLength::kBinding
                                ? kIpv6Header + std::size_t{LoadAt<Be16>(frame, at + 4)}
                                : room;
  if (total > room) return;
  headers.network = Network::kIpv6;
  headers.traffic_class = static_cast<std::uint8_t>(LoadAt<Be16>(frame, at) >> 4U);
  headers.protocol = frame[at + 6];
  std::ranges::copy(frame.subspan(at + 8, 16), headers.source.begin());
  std::ranges::copy(frame.subspan(at + 24, 16), headers.destination.begin());
  headers.transport_offset = at + kIpv6Header;
  headers.payload_end = at + total;
  SkipExtensions(frame, headers);
  ParseTransport(frame, headers);
}

}  // namespace

std::optional<Headers> ParseHeaders(Frame frame, IpLength ip_length) {
  if (frame.size() < kEthernetHeader) return std::nullopt;
  Headers headers;
  std::size_t end = kEthernetHeader;
  headers.ethertype = LoadAt<Be16>(frame, kEthernetAddresses);
  for (int tags = 0; tags < kMaxVlanTags; ++tags) {
    if (headers.ethertype != kEthertypeVlan && headers.ethertype != kEthertypeServiceVlan) break;
    if (frame.size() - end < kVlanTag) break;
    headers.ethertype = LoadAt<Be16>(frame, end + 2);
    end += kVlanTag;
  }
  headers.network_offset = end;
  headers.payload_offset = end;
  headers.payload_end = frame.size();
  if (headers.ethertype == kEthertypeIpv4) ParseIpv4(frame, ip_length, headers);
  if (headers.ethertype == kEthertypeIpv6) ParseIpv6(frame, ip_length, headers);
  return headers;
}

std::optional<Headers> ParseHeaders(const Packet& packet) {
  return ParseHeaders(packet.bytes, packet.IsBurst() ? IpLength::kIgnored : IpLength::kBinding);
}

}  // namespace vnic
