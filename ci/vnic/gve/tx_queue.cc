#include "ci/vnic/gve/tx_queue.h"

#include <bit>
#include <utility>

#include "ci/vnic/net/checksum.h"
#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/segment.h"

namespace vnic::gve {
namespace {

constexpr std::size_t kMaxFrame = 9728;  // see kMinFrame

}  // namespace

void TxQueue::Doorbell(std::uint32_t tail) {
  if (broken_ || tail >= config_.ring_size) {
    slot_.log.Refused("gve: tx queue {} doorbell {} of {}{}", config_.id, tail, config_.ring_size,
                      broken_ ? ", the queue is broken" : "");
    return;
  }
  budget_ = {};
  bool completed = false;
  while (head_ != tail && !broken_) {
    const GuestAddress address = config_.ring + head_ * sizeof(TxDescriptor);
    const auto descriptor = slot_.memory.Load<TxDescriptor>(address);
    if (!descriptor) {
      slot_.log.Refused("gve: tx queue {} ring is not mapped at {:#x}", config_.id, address);
      broken_ = true;
      break;
    }
    head_ = (head_ + 1) & (config_.ring_size - 1);
    Take(*descriptor);
    if ((descriptor->type_and_flags & kTxTypeMask) != kTxTypePacket) continue;
    if ((descriptor->type_and_flags & kTxEndOfPacket) != 0) {
      Finish();
      Complete(kTxCompletionPacket, descriptor->completion_tag);
      completed = true;
    }
    // After the packet's own completion, so that the driver never sees its slots free and its
    // buffers still taken.
    if ((descriptor->type_and_flags & kTxReportEvent) != 0) {
      Complete(kTxCompletionDescriptor, static_cast<std::uint16_t>(head_));
      completed = true;
    }
  }
  if (completed) notifier_.Fire(config_.notify_id);
}

void TxQueue::Take(const TxDescriptor& descriptor) {
  switch (descriptor.type_and_flags & kTxTypeMask) {
    case kTxTypePacket:
      return TakeBuffer(descriptor);
    case kTxTypeTsoContext: {
      const auto context = std::bit_cast<TsoContext>(descriptor);
      assembly_.tso = true;
      assembly_.packet.segment_size = context.segment_size & kTsoSegmentMask;
      return;
    }
    case kTxTypeGeneralContext:  // a hash for switches on the way, of which there are none
      return;
    default:
      Refuse("unknown descriptor type");
  }
}

void TxQueue::TakeBuffer(const TxDescriptor& descriptor) {
  if ((descriptor.type_and_flags & kTxChecksum) != 0) assembly_.checksum = true;
  if (assembly_.refused) return;
  const std::uint64_t size = descriptor.buffer_size & kTxSizeMask;
  const auto data = slot_.memory.Readable(descriptor.buffer, size);
  auto& bytes = assembly_.packet.bytes;
  if (data.empty()) return Refuse("buffer is empty or not in memory");
  if (bytes.size() + data.size() > kMaxTxPacket) return Refuse("packet is too large");
  if (!budget_.TakeBytes(data.size())) return Refuse("too many bytes at once");
  bytes.insert(bytes.end(), data.begin(), data.end());
}

void TxQueue::Refuse(std::string_view reason) {
  slot_.log.Refused("gve: tx queue {}: packet not sent: {}", config_.id, reason);
  assembly_.refused = true;
  assembly_.packet.bytes.clear();
}

void TxQueue::Finish() {
  if (!assembly_.refused) {
    const std::size_t size = assembly_.packet.bytes.size();
    if (assembly_.tso && !assembly_.packet.IsBurst()) {
      Refuse("segmentation with a segment size of 0");
    } else if (!assembly_.tso && (size < kMinFrame || size > kMaxFrame)) {
      Refuse(fmt::format("frame of {} bytes", size));
    } else if (!budget_.TakeFrames(FramesOf(assembly_.packet))) {
      Refuse("too many frames at once");
    }
  }
  Assembly done = std::exchange(assembly_, Assembly{});
  if (done.refused) {
    ++counters_.refused;
    return;
  }
  ++counters_.packets;
  counters_.bytes += done.packet.bytes.size();
  // A burst's checksums are computed where it is cut.
  if (done.checksum && !done.tso) {
    if (const auto headers = ParseHeaders(done.packet)) {
      CompleteTransportChecksum(done.packet.bytes, *headers);
    }
  }
  slot_.wire.Send(std::move(done.packet));
}

void TxQueue::Complete(std::uint16_t type, std::uint16_t value) {
  const std::uint16_t generation = generation_ ? kTxGeneration : 0;
  const TxCompletion completion{
      .id_type_generation = static_cast<std::uint16_t>(config_.id | type | generation),
      .tag_or_head = value,
      .reserved = 0};
  const GuestAddress address = config_.completion_ring + completion_tail_ * sizeof(TxCompletion);
  // One aligned store of 8 bytes: the driver never sees half a completion.
  if (!slot_.memory.Publish(address, completion)) {
    slot_.log.Refused("gve: tx queue {} completion ring is not mapped at {:#x}", config_.id,
                      address);
    broken_ = true;
    return;
  }
  completion_tail_ = (completion_tail_ + 1) & (config_.ring_size - 1);
  if (completion_tail_ == 0) generation_ = !generation_;
}

}  // namespace vnic::gve
