#include "ci/vnic/net/segment.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>

#include "ci/vnic/base/endian.h"
#include "ci/vnic/net/checksum.h"
#include "ci/vnic/net/headers.h"

namespace vnic {
namespace {

constexpr std::size_t kIpMaxLength = 65535;

// The IP length field of a datagram with these headers and no TCP payload.
std::size_t DatagramHeaders(const Headers& headers) {
  const std::size_t all = headers.payload_offset - headers.network_offset;
  return headers.network == Network::kIpv6 ? all - kIpv6Header : all;
}

// Where a piece lies in the burst, in payload bytes.
struct Piece {
  std::size_t offset = 0;
  std::size_t length = 0;
  bool last = false;
};

// `packet` holds the burst's headers and the piece's payload; its headers become the piece's own.
void WriteHeaders(Packet& packet, Headers headers, const Piece& piece) {
  const std::span<std::uint8_t> bytes = packet.bytes;
  headers.payload_end = bytes.size();

  const auto ip_length = static_cast<std::uint16_t>(DatagramHeaders(headers) + piece.length);
  if (headers.network == Network::kIpv4) {
    const auto frames_before = static_cast<std::uint16_t>(piece.offset / packet.segment_size);
    const std::uint16_t first = LoadAt<Be16>(bytes, headers.network_offset + 4);
    StoreAt(bytes, headers.network_offset + 2, Be16(ip_length));
    StoreAt(bytes, headers.network_offset + 4,
            Be16(static_cast<std::uint16_t>(first + frames_before)));
    CompleteIpv4Checksum(bytes, headers);
  } else {
    StoreAt(bytes, headers.network_offset + 4, Be16(ip_length));
  }

  const std::size_t tcp = headers.transport_offset;
  const std::uint32_t sequence = LoadAt<Be32>(bytes, tcp + 4);
  StoreAt(bytes, tcp + 4, Be32(sequence + static_cast<std::uint32_t>(piece.offset)));
  std::uint8_t& flags = bytes[tcp + 13];
  if (piece.offset != 0) flags &= static_cast<std::uint8_t>(~kTcpCwr);
  if (!piece.last) flags &= static_cast<std::uint8_t>(~(kTcpFin | kTcpPsh));
  CompleteTransportChecksum(bytes, headers);

  if (piece.length <= packet.segment_size) packet.segment_size = 0;
}

// Makes a packet of a piece of the burst.
Packet CutPiece(const Packet& burst, const Headers& headers, const Piece& piece) {
  const Frame header_bytes = Frame(burst.bytes).first(headers.payload_offset);
  const Frame part =
      Frame(burst.bytes).subspan(headers.payload_offset + piece.offset, piece.length);
  Packet packet;
  packet.segment_size = burst.segment_size;
  packet.bytes.reserve(header_bytes.size() + part.size());
  packet.bytes.insert(packet.bytes.end(), header_bytes.begin(), header_bytes.end());
  packet.bytes.insert(packet.bytes.end(), part.begin(), part.end());
  WriteHeaders(packet, headers, piece);
  return packet;
}

// Returns the payload bytes of each packet: whole segments, as many as are wanted and fit into a
// datagram.
zcrx::Result<std::size_t> PieceLength(const Headers& headers, std::size_t segment_size,
                                      std::size_t segments_each) {
  if (headers.transport != Transport::kTcp) return zcrx::Fail("cut burst", EINVAL, "not TCP");
  if (headers.PayloadLength() == 0) return zcrx::Fail("cut burst", EINVAL, "no payload");
  if ((headers.tcp_flags & (kTcpSyn | kTcpRst)) != 0) {
    return zcrx::Fail("cut burst", EINVAL, "SYN or RST is set");
  }
  const std::size_t taken = DatagramHeaders(headers);
  if (taken + segment_size > kIpMaxLength) {
    return zcrx::Fail("cut burst", EINVAL, "a segment does not fit into a datagram");
  }
  const std::size_t most = (kIpMaxLength - taken) / segment_size;
  return std::clamp<std::size_t>(segments_each, 1, most) * segment_size;
}

}  // namespace

zcrx::Result<std::vector<Packet>> CutBurst(Packet burst, std::size_t segments_each) {
  std::vector<Packet> pieces;
  if (!burst.IsBurst()) {
    pieces.push_back(std::move(burst));
    return pieces;
  }
  const auto headers = ParseHeaders(burst);
  if (!headers) return zcrx::Fail("cut burst", EINVAL, "no Ethernet header");
  ZCRX_ASSIGN_OR_RETURN(const std::size_t step,
                        PieceLength(*headers, burst.segment_size, segments_each));

  const std::size_t payload = headers->PayloadLength();
  if (payload <= step) {
    WriteHeaders(burst, *headers, {.offset = 0, .length = payload, .last = true});
    pieces.push_back(std::move(burst));
    return pieces;
  }
  for (std::size_t offset = 0; offset < payload; offset += step) {
    const std::size_t length = std::min(step, payload - offset);
    pieces.push_back(CutPiece(
        burst, *headers, {.offset = offset, .length = length, .last = offset + length == payload}));
  }
  return pieces;
}

std::size_t FramesOf(const Packet& packet, const Headers& headers) {
  if (!packet.IsBurst() || !PieceLength(headers, packet.segment_size, 1)) return 1;
  return (headers.PayloadLength() + packet.segment_size - 1) / packet.segment_size;
}

std::size_t FramesOf(const Packet& packet) {
  const auto headers = packet.IsBurst() ? ParseHeaders(packet) : std::nullopt;
  return headers ? FramesOf(packet, *headers) : 1;
}

std::pair<Packet, Packet> CutOff(Packet packet, std::size_t frames) {
  const auto headers = ParseHeaders(packet);
  if (!headers || frames >= FramesOf(packet, *headers)) return {std::move(packet), Packet{}};
  const std::size_t cut = frames * packet.segment_size;
  const std::size_t rest = headers->PayloadLength() - cut;
  return {CutPiece(packet, *headers, {.offset = 0, .length = cut, .last = false}),
          CutPiece(packet, *headers, {.offset = cut, .length = rest, .last = true})};
}

}  // namespace vnic
