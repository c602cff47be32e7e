#include "ci/vnic/gve/tx_queue.h"

#include <bit>
#include <utility>

namespace vnic::gve {

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
      Send();
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
      if ((descriptor.type_and_flags & kTxChecksum) != 0) packet_.CompleteTransportChecksum();
      return packet_.Add(
          slot_.memory.Readable(descriptor.buffer, descriptor.buffer_size & kTxSizeMask), budget_);
    case kTxTypeTsoContext:
      return packet_.Segment(std::bit_cast<TsoContext>(descriptor).segment_size & kTsoSegmentMask);
    case kTxTypeGeneralContext:  // a hash for switches on the way, of which there are none
      return;
    default:
      packet_.Refuse("unknown descriptor type");
  }
}

void TxQueue::Send() {
  auto sent = packet_.Finish(budget_);
  if (!sent) {
    ++counters_.refused;
    return slot_.log.Refused("gve: tx queue {}: packet not sent: {}", config_.id,
                             sent.error().Text());
  }
  ++counters_.packets;
  counters_.bytes += sent->packet.bytes.size();
  slot_.wire.Send(std::move(sent->packet));
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
