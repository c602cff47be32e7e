#include "ci/vnic/net/tx_packet.h"

#include <fmt/format.h>

#include <utility>

#include "ci/vnic/net/checksum.h"
#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/segment.h"

namespace vnic {

void TxPacket::Add(Frame buffer, SendBudget& budget) {
  if (!refused_.empty()) return;
  auto& bytes = packet_.bytes;
  if (buffer.empty()) return Refuse("buffer is empty or not in memory");
  if (bytes.size() + buffer.size() > limits_.largest_burst) return Refuse("packet is too large");
  if (!budget.TakeBytes(buffer.size())) return Refuse("too many bytes at once");
  bytes.insert(bytes.end(), buffer.begin(), buffer.end());
}

void TxPacket::Segment(std::uint16_t segment_size) {
  burst_ = true;
  packet_.segment_size = segment_size;
}

void TxPacket::Refuse(std::string_view why) {
  if (refused_.empty()) refused_ = why;
  packet_.bytes = {};
}

zcrx::Result<TxPacket::Outgoing> TxPacket::Finish(SendBudget& budget) {
  TxPacket done = std::exchange(*this, TxPacket(limits_));
  return done.Take(budget);
}

zcrx::Result<TxPacket::Outgoing> TxPacket::Take(SendBudget& budget) {
  if (!refused_.empty()) return zcrx::Fail(refused_);
  const std::size_t size = packet_.bytes.size();
  if (size < kMinFrame || (!burst_ && size > limits_.largest_frame)) {
    return zcrx::Fail(fmt::format("frame of {} bytes", size));
  }
  if (burst_ && !packet_.IsBurst()) return zcrx::Fail("segmentation with a segment size of 0");
  const std::size_t frames = FramesOf(packet_);
  if (!budget.TakeFrames(frames)) return zcrx::Fail("too many frames at once");
  if (!burst_ && (ip_checksum_ || transport_checksum_)) {
    if (const auto headers = ParseHeaders(packet_)) {
      if (ip_checksum_) CompleteIpv4Checksum(packet_.bytes, *headers);
      if (transport_checksum_) vnic::CompleteTransportChecksum(packet_.bytes, *headers);
    }
  }
  return Outgoing{.packet = std::move(packet_), .frames = frames};
}

}  // namespace vnic
