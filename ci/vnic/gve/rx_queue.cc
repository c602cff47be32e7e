#include "ci/vnic/gve/rx_queue.h"

#include <algorithm>

#include "ci/vnic/net/checksum.h"

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

// The flag header_buffer_overflow is not used: where the driver cannot read the memory, it follows
// a null pointer on that flag.
bool RxQueue::Splits(const Headers& headers) const {
  return headers.transport != Transport::kNone &&
         headers.payload_offset <= config_.header_buffer_size;
}

RxCompletion RxQueue::Describe(const Packet& packet, const Headers& headers,
                               std::optional<RssHash> hash) {
  RxCompletion completion;
  completion.packet_type = TypeOf(headers);
  completion.hash = hash ? hash->value : 0;
  if (headers.network == Network::kIpv6 &&
      headers.transport_offset - headers.network_offset != kIpv6Header) {
    completion.flags |= kRxIpv6Extension;
  }
  if (headers.network != Network::kNone) completion.status |= kRxHeadersProcessed;
  if (VerifyIpv4Checksum(packet.bytes, headers) == ChecksumVerdict::kBad) {
    completion.status |= kRxIpChecksumError;
  }
  if (VerifyTransportChecksum(packet.bytes, headers) == ChecksumVerdict::kBad) {
    completion.status |= kRxL4ChecksumError;
  }
  if ((completion.status & (kRxIpChecksumError | kRxL4ChecksumError)) != 0) {
    ++counters_.bad_checksum;
  }
  return completion;
}

void RxQueue::Receive(const Packet& packet, const Headers& headers, std::optional<RssHash> hash) {
  if (stopped_.In(slot_.faults)) return;
  const PacketFaults wrong =
      Splits(headers) ? DrawFaults(slot_.faults, headers, split_lost_) : PacketFaults{};
  const bool split = Splits(headers) && !wrong.unsplit;
  const Parts parts = split ? Divide(packet.bytes, headers, wrong, config_.header_buffer_size)
                            : Parts{.head = {}, .payload = packet.bytes, .altered = {}};
  // A packet without payload takes one, too.
  const std::size_t full = config_.buffer_size;
  const auto buffers = std::max<std::uint32_t>(
      1, static_cast<std::uint32_t>((parts.payload.size() + full - 1) / full));
  if (broken_ || Available() < buffers) {
    ++counters_.no_buffers;
    return;
  }
  RxCompletion completion = Describe(packet, headers, hash);
  if (wrong.unvouched) completion.status &= static_cast<std::uint8_t>(~kRxHeadersProcessed);
  Frame header = parts.head;
  Frame rest = parts.payload;
  for (std::uint32_t left = buffers; left > 0 && !broken_; --left) {
    const GuestAddress address = BufferAddress();
    const auto buffer = slot_.memory.Load<RxDescriptor>(address);
    if (!buffer) return Break("buffer", address);
    Skip(1);
    if (Available() >= left && slot_.faults.Bites(Fault::kCompletionLost)) Skip(1);

    const Frame part = rest.first(std::min<std::size_t>(rest.size(), config_.buffer_size));
    rest = rest.subspan(part.size());
    completion.buffer_id = buffer->buffer_id;
    completion.length_and_generation = static_cast<std::uint16_t>(part.size());
    completion.header_length =
        static_cast<std::uint16_t>(header.size() | (header.empty() ? 0U : kRxSplitHeader));
    completion.status |= kRxDone;
    const bool filled = Fill(*buffer, header, part, wrong);
    if (left == 1 || !filled) completion.status |= kRxEndOfPacket;
    if (left == 1 && packet.IsBurst()) {
      completion.header_length = completion.header_length | kRxRsc;
      completion.segment_size = packet.segment_size;
    }
    if (!filled) completion.flags |= kRxError;
    if (!Complete(completion)) return;
    if (!filled) {
      slot_.log.Refused("gve: rx queue {}: buffer {} at {:#x}, header at {:#x}, not in memory",
                        config_.id, std::uint16_t{buffer->buffer_id}, std::uint64_t{buffer->buffer},
                        std::uint64_t{buffer->header_buffer});
      ++counters_.refused;
      notifier_.Fire(config_.notify_id);
      return;
    }
    header = {};
  }
  ++counters_.packets;
  counters_.bytes += packet.bytes.size();
  if (split) ++counters_.split;
  if (packet.IsBurst()) ++counters_.coalesced;
  notifier_.Fire(config_.notify_id);
}

bool RxQueue::Fill(const RxDescriptor& buffer, Frame header, Frame payload,
                   const PacketFaults& wrong) const {
  const Writing writing = AsWritten(wrong, payload, config_.buffer_size);
  const auto next = wrong.into_next && Available() > 0
                        ? slot_.memory.Load<RxDescriptor>(BufferAddress())
                        : std::nullopt;
  const GuestAddress address = next.value_or(buffer).buffer + writing.offset;
  const auto header_target = slot_.memory.Writable(buffer.header_buffer, header.size());
  const auto target = slot_.memory.Writable(address, writing.bytes.size());
  if (header_target.size() != header.size() || target.size() != writing.bytes.size()) return false;
  std::ranges::copy(header, header_target.begin());
  std::ranges::copy(writing.bytes, target.begin());
  return true;
}

bool RxQueue::Complete(RxCompletion completion) {
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
