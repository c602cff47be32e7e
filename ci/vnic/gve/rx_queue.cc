#include "ci/vnic/gve/rx_queue.h"

namespace vnic::gve {
namespace {

std::uint16_t TypeOf(const Headers& headers) {
  const L4 l4 = headers.transport == Transport::kTcp   ? L4::kTcp
                : headers.transport == Transport::kUdp ? L4::kUdp
                                                       : L4::kUnknown;
  switch (headers.network) {
    case Network::kIpv4:
      return PacketType(L3::kIpv4, l4);
    case Network::kIpv6:
      return PacketType(L3::kIpv6, l4);
    case Network::kNone:
      break;
  }
  return PacketType(L3::kUnknown, L4::kUnknown);
}

}  // namespace

void RxQueue::Doorbell(std::uint32_t tail) {
  if (broken_ || tail >= config_.ring_size) {
    slot_.log.Refused("gve: rx queue {} doorbell {} of {}{}", config_.id, tail, config_.ring_size,
                      broken_ ? ", the queue is broken" : "");
    return;
  }
  tail_ = tail;
}

std::optional<RxDescriptor> RxQueue::Peek(std::uint32_t ahead) {
  if (broken_ || ahead >= Available()) return std::nullopt;
  const std::uint32_t place = (head_ + ahead) & (config_.ring_size - 1);
  const GuestAddress address = config_.buffer_ring + place * sizeof(RxDescriptor);
  const auto descriptor = slot_.memory.Load<RxDescriptor>(address);
  if (!descriptor) Break("buffer", address);
  return descriptor;
}

// Headers that do not fit stay with their payload. The flag header_buffer_overflow is not used:
// where the driver cannot read the memory, it follows a null pointer on that flag.
std::optional<RxBuffer> RxQueue::Head(const Packet&) {
  const auto first = Peek(0);
  if (!first) return std::nullopt;
  return RxBuffer{.address = first->header_buffer, .room = config_.header_buffer_size};
}

std::optional<RxBuffer> RxQueue::Buffer(std::uint32_t ahead) {
  const auto descriptor = Peek(ahead);
  if (!descriptor) return std::nullopt;
  return RxBuffer{.address = descriptor->buffer,
                  .room = config_.buffer_size,
                  .id = std::uint16_t{descriptor->buffer_id}};
}

bool RxQueue::Complete(const Reception& received) {
  if (received.fails_device) shared_.wants_reset = true;
  return CompleteEach(received, 0);
}

void RxQueue::Dropped(const Reception* at) {
  if (at != nullptr && !at->pieces.empty()) CompleteEach(*at, kRxError);
}

bool RxQueue::CompleteEach(const Reception& received, std::uint8_t flags) {
  const Headers& headers = received.headers;
  RxCompletion completion;
  completion.packet_type = TypeOf(headers);
  completion.hash = received.hash ? received.hash->value : 0;
  if (headers.network == Network::kIpv6 &&
      headers.transport_offset - headers.network_offset != kIpv6Header) {
    completion.flags |= kRxIpv6Extension;
  }
  completion.status = kRxDone;
  if (headers.network != Network::kNone && received.vouched) {
    completion.status |= kRxHeadersProcessed;
  }
  if (received.ip == ChecksumVerdict::kBad) completion.status |= kRxIpChecksumError;
  if (received.transport == ChecksumVerdict::kBad) completion.status |= kRxL4ChecksumError;
  if (received.split) {
    completion.header_length = static_cast<std::uint16_t>(received.head_bytes | kRxSplitHeader);
  }
  for (const auto& [buffer, bytes] : received.pieces) {
    Skip(1);
    completion.buffer_id = static_cast<std::uint16_t>(buffer.id);
    completion.length_and_generation = static_cast<std::uint16_t>(bytes);
    if (&buffer == &received.pieces.back().buffer) {
      completion.flags |= flags;
      completion.status |= kRxEndOfPacket;
      if (received.packet.IsBurst() && flags == 0) {
        completion.header_length = completion.header_length | kRxRsc;
        completion.segment_size = received.packet.segment_size;
      }
    }
    if (!Post(completion)) return false;
    completion.header_length = 0;
  }
  notifier_.Fire(config_.notify_id);
  return true;
}

bool RxQueue::Post(RxCompletion completion) {
  if (generation_) {
    completion.length_and_generation = completion.length_and_generation | kRxGeneration;
  }
  const GuestAddress address = config_.completion_ring + completion_tail_ * sizeof(RxCompletion);
  if (!slot_.memory.Publish(address, completion)) {
    Break("completion", address);
    return false;
  }
  completion_tail_ = (completion_tail_ + 1) & (config_.ring_size - 1);
  if (completion_tail_ == 0) generation_ = !generation_;
  return true;
}

void RxQueue::Break(std::string_view what, GuestAddress address) {
  slot_.log.Refused("gve: rx queue {} {} ring is not mapped at {:#x}", config_.id, what, address);
  broken_ = true;
}

}  // namespace vnic::gve
