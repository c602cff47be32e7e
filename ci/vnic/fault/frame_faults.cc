#include "ci/vnic/fault/frame_faults.h"

#include <algorithm>
#include <utility>

#include "ci/vnic/net/checksum.h"
#include "ci/vnic/net/segment.h"

namespace vnic {
namespace {

// Changes one byte, and the checksum to match.
void FlipByte(Packet& frame) {
  const auto headers = ParseHeaders(frame);
  if (!headers || headers->PayloadLength() == 0) return;
  frame.bytes[headers->payload_offset + headers->PayloadLength() / 2] ^= 1;
  CompleteTransportChecksum(frame.bytes, *headers);
}

// Cuts the first `frames` off `packet`.
Packet Take(Packet& packet, std::size_t frames) {
  auto [taken, others] = CutOff(std::exchange(packet, {}), frames);
  packet = std::move(others);
  return std::move(taken);
}

}  // namespace

std::vector<Packet> FrameFaults::Pass(Packet packet) {
  const auto headers = faults_.None() ? std::nullopt : ParseHeaders(packet);
  if (!headers) {
    Arrive(std::move(packet));
    return std::exchange(arrived_, {});
  }
  if ((headers->tcp_flags & kTcpSyn) != 0) faults_.BeginConnection();
  const bool has_payload = headers->transport == Transport::kTcp && headers->PayloadLength() > 0;
  std::vector<Fate> fates(FramesOf(packet, *headers));
  // Frames are lost in a row only within one send. Single frames, such as retransmissions, would
  // otherwise be lost one after the other, and no connection survives that.
  std::uint32_t lost = 0;
  for (Fate& fate : fates) {
    fate = Next(has_payload);
    if (faults_.Bites(Fault::kDropBurst)) lost = faults_.Number(Fault::kDropBurst);
    if (lost > 0) {
      fate.drop = true;
      --lost;
    }
  }
  if (has_payload && faults_.Bites(Fault::kLinkFlap, static_cast<std::uint32_t>(fates.size()))) {
    flap_();
  }

  for (auto next = fates.begin(); next != fates.end();) {
    const auto concerned = std::ranges::find_if(next, fates.end(), &Fate::Changes);
    if (concerned != next) Arrive(Take(packet, static_cast<std::size_t>(concerned - next)));
    if (concerned == fates.end()) break;
    Arrive(Take(packet, 1), *concerned);
    next = concerned + 1;
  }
  return std::exchange(arrived_, {});
}

FrameFaults::Fate FrameFaults::Next(bool has_payload) {
  Fate fate;
  fate.drop = faults_.Bites(Fault::kDrop);
  if (!has_payload) return fate;
  fate.flip = faults_.Bites(Fault::kByteFlip);
  fate.twice = faults_.Bites(Fault::kSegmentTwice);
  fate.late = faults_.Bites(Fault::kSegmentsSwapped);
  return fate;
}

void FrameFaults::Arrive(Packet packet) {
  arrived_.push_back(std::move(packet));
  if (overtaken_) arrived_.push_back(*std::exchange(overtaken_, std::nullopt));
}

void FrameFaults::Arrive(Packet frame, const Fate& fate) {
  if (fate.drop) return;
  if (fate.flip) FlipByte(frame);
  if (fate.twice) Arrive(frame);
  if (fate.late && !overtaken_) {
    overtaken_ = std::move(frame);
  } else {
    Arrive(std::move(frame));
  }
}

}  // namespace vnic
