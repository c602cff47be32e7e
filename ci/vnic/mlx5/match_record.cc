#include "ci/vnic/mlx5/match_record.h"

#include <algorithm>
#include <span>

namespace vnic::mlx5 {
namespace {

constexpr std::size_t kSourceMac = 0x00;
constexpr Field kEthertype{0x04, 0, 16};
constexpr std::size_t kDestinationMac = 0x08;
constexpr Field kVlanTag{0x0c, 0, 16};  // priority, CFI, ID
constexpr Field kTrafficClass{0x10, 16, 8};
constexpr Field kHasCustomerTag{0x10, 15, 1};
constexpr Field kHasServiceTag{0x10, 14, 1};
constexpr Field kFragment{0x10, 13, 1};
constexpr Field kIpVersion{0x10, 9, 4};
constexpr Field kTcpFlags{0x10, 0, 9};
constexpr Field kTcpSource{kTcpPorts, 16, 16};
constexpr Field kTcpDestination{kTcpPorts, 0, 16};
constexpr Field kHopLimit{0x18, 0, 8};
constexpr Field kUdpSource{kUdpPorts, 16, 16};
constexpr Field kUdpDestination{kUdpPorts, 0, 16};
constexpr std::size_t kSource = 0x20;
constexpr std::size_t kDestination = 0x30;

constexpr std::size_t kMac = 6;
constexpr std::uint16_t kVlan = 0x8100;
constexpr std::uint16_t kServiceVlan = 0x88a8;

// An IPv4 address has the last four of 16 bytes.
void PutAddress(std::span<std::uint8_t> record, std::size_t at, const IpAddress& address,
                Network network) {
  const std::size_t length = network == Network::kIpv4 ? 4 : address.size();
  std::ranges::copy(std::span(address).first(length),
                    record.subspan(at + address.size() - length).begin());
}

}  // namespace

MatchRecord RecordOf(Frame frame, const Headers& headers) {
  MatchRecord record{};
  BitWriter bits(record);
  std::ranges::copy(frame.subspan(kMac, kMac), record.begin() + kSourceMac);
  std::ranges::copy(frame.first(kMac), record.begin() + kDestinationMac);
  bits.Set(kEthertype, headers.ethertype);
  const std::uint16_t outer = LoadAt<Be16>(frame, 2 * kMac);
  if ((outer == kVlan || outer == kServiceVlan) && frame.size() >= kEthernetHeader + 4) {
    bits.Set(outer == kVlan ? kHasCustomerTag : kHasServiceTag, 1);
    bits.Set(kVlanTag, LoadAt<Be16>(frame, kEthernetHeader));
  }
  if (headers.network == Network::kNone) return record;
  const bool v4 = headers.network == Network::kIpv4;
  bits.Set(kIpVersion, v4 ? 4 : 6);
  bits.Set(kProtocol, headers.protocol);
  bits.Set(kTrafficClass, headers.traffic_class);
  bits.Set(kFragment, headers.fragment ? 1 : 0);
  bits.Set(kHopLimit, frame[headers.network_offset + (v4 ? 8 : 7)]);
  PutAddress(record, kSource, headers.source, headers.network);
  PutAddress(record, kDestination, headers.destination, headers.network);
  if (headers.transport == Transport::kTcp) {
    bits.Set(kTcpFlags, headers.tcp_flags);
    bits.Set(kTcpSource, headers.source_port);
    bits.Set(kTcpDestination, headers.destination_port);
  }
  if (headers.transport == Transport::kUdp) {
    bits.Set(kUdpSource, headers.source_port);
    bits.Set(kUdpDestination, headers.destination_port);
  }
  return record;
}

bool Agrees(const MatchRecord& record, const MatchRecord& value, const MatchRecord& mask) {
  for (std::size_t at = 0; at < kMatchBytes; at += sizeof(std::uint64_t)) {
    const auto difference = LoadAt<std::uint64_t>(record, at) ^ LoadAt<std::uint64_t>(value, at);
    if ((difference & LoadAt<std::uint64_t>(mask, at)) != 0) return false;
  }
  return true;
}

}  // namespace vnic::mlx5
