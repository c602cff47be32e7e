#include "ci/vnic/bnxt/tx_ring.h"

#include "ci/vnic/bnxt/registers.h"
#include "ci/vnic/net/checksum.h"
#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/segment.h"

namespace vnic::bnxt {
namespace {

constexpr std::size_t kMaxFrame = kMaxMtu + 18;
constexpr std::size_t kMaxBurst = std::size_t{512} * 1024;  // beyond Linux' largest, GSO_MAX_SIZE

}  // namespace

void TxRing::Doorbell(std::uint32_t index) {
  const std::uint32_t end = index & records_.Mask();
  budget_ = {};
  bool sent = false;
  while (taken_ != end) {
    const auto first = slot_.memory.Load<BufferDescriptor>(records_.At(taken_));
    const auto count =
        first ? Count(*first, (end - taken_) & records_.Mask()) : std::optional<std::uint32_t>();
    if (!count) {
      Refuse("descriptors end within a packet");
      taken_ = end;
      break;
    }
    auto packet = Gather(*first, *count);
    // Descriptors are free once read: what the packet sets off may ring this doorbell again.
    taken_ = (taken_ + *count) & records_.Mask();
    if (!packet || !Send(std::move(*packet))) Add(statistics_->counters.tx_errors, 1);
    sent = true;
    if ((first->Flags() & kTxNoCompletion) == 0) Complete(first->opaque);
  }
  if (sent) statistics_->Publish();
}

std::optional<std::uint32_t> TxRing::Count(const BufferDescriptor& first,
                                           std::uint32_t available) const {
  std::uint32_t count = first.Flags() >> kTxCountShift & kTxCountMask;
  if (count == 0) count = kTxMaxCount;
  const bool is_long = (first.Flags() & kTxTypeMask) == kTxTypeLong;
  if (count > available || (is_long && count < 2)) return std::nullopt;
  return count;
}

std::optional<Packet> TxRing::Gather(const BufferDescriptor& first, std::uint32_t count) {
  Packet packet;
  TxExtension extension{};
  std::uint32_t next = 1;
  if (!Append(packet, first)) return std::nullopt;
  if ((first.Flags() & kTxTypeMask) == kTxTypeLong) {
    const auto loaded = slot_.memory.Load<TxExtension>(records_.At(taken_ + next++));
    if (loaded) extension = *loaded;
  }
  for (; next < count; ++next) {
    const auto descriptor = slot_.memory.Load<BufferDescriptor>(records_.At(taken_ + next));
    if (!descriptor || !Append(packet, *descriptor)) return std::nullopt;
  }

  const bool burst = (extension.flags & kTxSegment) != 0;
  if (packet.bytes.size() < kMinFrame || (!burst && packet.bytes.size() > kMaxFrame)) {
    slot_.log.Refused("bnxt: frame of {} bytes not sent", packet.bytes.size());
    return std::nullopt;
  }
  if (burst) {
    packet.segment_size = static_cast<std::uint16_t>(extension.segment_size & kTxSegmentMask);
    if (packet.segment_size == 0) {
      Refuse("segmentation with a segment size of 0");
      return std::nullopt;
    }
    return packet;  // its checksums are computed where it is cut
  }
  if (const auto headers = ParseHeaders(packet)) {
    if ((extension.flags & kTxIpChecksum) != 0) CompleteIpv4Checksum(packet.bytes, *headers);
    if ((extension.flags & kTxTransportChecksum) != 0) {
      CompleteTransportChecksum(packet.bytes, *headers);
    }
  }
  return packet;
}

bool TxRing::Append(Packet& packet, const BufferDescriptor& descriptor) {
  const auto data = slot_.memory.Readable(descriptor.address, descriptor.Length());
  if (data.empty()) {
    Refuse("buffer is empty or not in memory");
    return false;
  }
  if (packet.bytes.size() + data.size() > kMaxBurst) {
    Refuse("packet is too large");
    return false;
  }
  if (!budget_.TakeBytes(data.size())) {
    Refuse("too many bytes at once");
    return false;
  }
  packet.bytes.insert(packet.bytes.end(), data.begin(), data.end());
  return true;
}

bool TxRing::Send(Packet packet) {
  const std::size_t frames = FramesOf(packet);
  if (!budget_.TakeFrames(frames)) {
    Refuse("too many frames at once");
    return false;
  }
  const auto destination = LoadAt<MacAddress>(packet.bytes);
  Add(statistics_->counters.tx_packets, destination, frames);
  Add(statistics_->counters.tx_bytes, destination, packet.bytes.size());
  slot_.wire.Send(std::move(packet));
  return true;
}

void TxRing::Complete(std::uint32_t opaque) {
  const Completion done{.type_flags_length = static_cast<std::uint32_t>(CompletionType::kTx),
                        .opaque = opaque,
                        .phase_and_more = 0,
                        .last = 0};
  if (!completions_->Post({&done, 1})) Refuse("completion queue takes no more records");
}

void TxRing::Refuse(std::string_view reason) const {
  slot_.log.Refused("bnxt: transmit: {}", reason);
}

}  // namespace vnic::bnxt
