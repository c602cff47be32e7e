#include "ci/vnic/fault/packet_faults.h"

#include <algorithm>

#include "ci/vnic/net/segment.h"

namespace vnic {
namespace {

bool IsData(const Headers& headers) {
  return headers.transport == Transport::kTcp && headers.PayloadLength() > 0;
}

std::uint32_t IfBites(Faults& faults, Fault fault) {
  return faults.Bites(fault) ? faults.Number(fault) : 0;
}

}  // namespace

PacketFaults DrawFaults(Faults& faults, const Headers& headers, const Scar& split_lost) {
  if (faults.None() || !IsData(headers)) return {};
  PacketFaults wrong;
  wrong.unsplit = split_lost.In(faults) || faults.Bites(Fault::kNoSplit) ||
                  faults.Bites(Fault::kSplitSometimes);
  wrong.unvouched = faults.Bites(Fault::kChecksumUnvouched);
  if (wrong.unsplit) return wrong;
  wrong.late = IfBites(faults, Fault::kSplitLate);
  wrong.header_behind = faults.Bites(Fault::kHeaderInPayload);
  wrong.into_next = faults.Bites(Fault::kBufferReused);
  wrong.unwritten = faults.Bites(Fault::kCompletionEarly);
  wrong.shift = IfBites(faults, Fault::kPayloadShifted);
  return wrong;
}

Parts Divide(Frame packet, const Headers& headers, const PacketFaults& wrong,
             std::size_t header_room) {
  const std::size_t late = std::min<std::size_t>(
      {wrong.late, headers.PayloadLength(), header_room - headers.payload_offset});
  const Frame head = packet.first(headers.payload_offset + late);
  Parts parts{.head = head, .payload = packet.subspan(head.size()), .altered = {}};
  if (wrong.header_behind) {
    parts.altered.assign(parts.payload.begin(), parts.payload.end());
    parts.altered.insert(parts.altered.end(), head.begin(), head.end());
    parts.payload = parts.altered;
  }
  return parts;
}

Writing AsWritten(const PacketFaults& wrong, Frame piece, std::size_t room) {
  if (wrong.unwritten) return {};
  const std::size_t offset = std::min<std::size_t>(wrong.shift, room);
  return {.offset = offset, .bytes = piece.first(std::min(piece.size(), room - offset))};
}

bool FailsDevice(Faults& faults, const Packet& packet, const Headers& headers) {
  return faults.IsSet(Fault::kDeviceReset) && IsData(headers) &&
         faults.Bites(Fault::kDeviceReset, static_cast<std::uint32_t>(FramesOf(packet, headers)));
}

}  // namespace vnic
