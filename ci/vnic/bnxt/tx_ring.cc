#include "ci/vnic/bnxt/tx_ring.h"

#include "ci/vnic/bnxt/registers.h"

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
    if (packet) {
      Send(std::move(*packet));
    } else {
      Refuse(packet.error().Text());
      Add(statistics_->counters.tx_errors, 1);
    }
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

zcrx::Result<TxPacket::Outgoing> TxRing::Gather(const BufferDescriptor& first,
                                                std::uint32_t count) {
  TxPacket packet({.largest_frame = kMaxFrame, .largest_burst = kMaxBurst});
  const auto add = [&](const BufferDescriptor& descriptor) {
    packet.Add(slot_.memory.Readable(descriptor.address, descriptor.Length()), budget_);
  };
  TxExtension extension{};
  std::uint32_t next = 1;
  add(first);
  if ((first.Flags() & kTxTypeMask) == kTxTypeLong) {
    extension = slot_.memory.Load<TxExtension>(records_.At(taken_ + next++)).value_or(extension);
  }
  for (; next < count; ++next) {
    const auto descriptor = slot_.memory.Load<BufferDescriptor>(records_.At(taken_ + next));
    add(descriptor.value_or(BufferDescriptor{}));
  }
  if ((extension.flags & kTxSegment) != 0) {
    packet.Segment(static_cast<std::uint16_t>(extension.segment_size & kTxSegmentMask));
  }
  if ((extension.flags & kTxIpChecksum) != 0) packet.CompleteIpChecksum();
  if ((extension.flags & kTxTransportChecksum) != 0) packet.CompleteTransportChecksum();
  return packet.Finish(budget_);
}

void TxRing::Send(TxPacket::Outgoing sent) {
  const auto destination = LoadAt<MacAddress>(sent.packet.bytes);
  Add(statistics_->counters.tx_packets, destination, sent.frames);
  Add(statistics_->counters.tx_bytes, destination, sent.packet.bytes.size());
  slot_.wire.Send(std::move(sent.packet));
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
