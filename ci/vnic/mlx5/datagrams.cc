#include "ci/vnic/mlx5/datagrams.h"

#include <algorithm>
#include <cerrno>

#include "ci/vnic/base/endian.h"
#include "ci/vnic/net/checksum.h"

namespace vnic::mlx5 {
namespace {

constexpr std::size_t kMaxDatagram = 65535;
constexpr std::size_t kIpv4Length = 2;
constexpr std::size_t kIpv4Identification = 4;
constexpr std::size_t kIpv6Length = 4;
constexpr std::size_t kUdpLength = 4;

// The datagram numbered `index` among those of one packet.
void WriteHeaders(std::span<std::uint8_t> frame, Headers headers, std::uint16_t index) {
  headers.payload_end = frame.size();
  const auto ip = frame.subspan(headers.network_offset);
  if (headers.network == Network::kIpv4) {
    const std::uint16_t first = LoadAt<Be16>(ip, kIpv4Identification);
    StoreAt(ip, kIpv4Length, Be16(static_cast<std::uint16_t>(ip.size())));
    StoreAt(ip, kIpv4Identification, Be16(static_cast<std::uint16_t>(first + index)));
    CompleteIpv4Checksum(frame, headers);
  } else {
    StoreAt(ip, kIpv6Length, Be16(static_cast<std::uint16_t>(ip.size() - kIpv6Header)));
  }
  const auto udp = frame.subspan(headers.transport_offset);
  StoreAt(udp, kUdpLength, Be16(static_cast<std::uint16_t>(udp.size())));
  CompleteTransportChecksum(frame, headers);
}

}  // namespace

std::size_t DatagramsOf(const Packet& packet, const Headers& headers) {
  const std::size_t payload = packet.bytes.size() - headers.payload_offset;
  return (payload + packet.segment_size - 1) / packet.segment_size;
}

zcrx::Result<std::vector<Packet>> CutDatagrams(const Packet& packet, const Headers& headers) {
  const Frame head = Frame(packet.bytes).first(headers.payload_offset);
  // The length in the header is that of the first datagram (core/en_tx.c), so it ends nothing.
  Frame rest = Frame(packet.bytes).subspan(headers.payload_offset);
  const std::size_t longest = head.size() - headers.network_offset + packet.segment_size;
  if (rest.empty() || longest > kMaxDatagram) {
    return zcrx::Fail("cut datagrams", EINVAL, rest.empty() ? "no payload" : "too long");
  }
  std::vector<Packet> datagrams;
  datagrams.reserve(DatagramsOf(packet, headers));
  for (std::uint16_t index = 0; !rest.empty(); ++index) {
    const Frame part = rest.first(std::min<std::size_t>(rest.size(), packet.segment_size));
    rest = rest.subspan(part.size());
    Packet& datagram = datagrams.emplace_back();
    datagram.bytes.assign(head.begin(), head.end());
    datagram.bytes.insert(datagram.bytes.end(), part.begin(), part.end());
    WriteHeaders(datagram.bytes, headers, index);
  }
  return datagrams;
}

}  // namespace vnic::mlx5
