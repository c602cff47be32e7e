#include "ci/vnic/bnxt/receiver.h"

#include <algorithm>
#include <array>

#include "ci/vnic/net/checksum.h"
#include "ci/vnic/net/segment.h"

namespace vnic::bnxt {
namespace {

constexpr std::size_t kMaxPayloadOffset = 255;  // TPA_END_PAYLOAD_OFF_P5 has 8 bits

std::uint32_t Type(CompletionType type) { return static_cast<std::uint32_t>(type); }

std::uint32_t KindOf(const Headers& headers) {
  if (headers.transport == Transport::kTcp) return kRxIsTcp;
  if (headers.transport == Transport::kUdp) return kRxIsUdp;
  return headers.network == Network::kNone ? 0 : kRxIsIp;
}

// The driver computes where TCP begins from an IP header without options or extensions, behind an
// Ethernet header without tags (bnxt.c, bnxt_gro_func_5750x).
bool HasPlainHeaders(const Headers& headers) {
  const std::size_t ip = headers.network == Network::kIpv4 ? kIpv4MinHeader : kIpv6Header;
  return headers.transport == Transport::kTcp && headers.network_offset == kEthernetHeader &&
         headers.transport_offset - headers.network_offset == ip &&
         headers.payload_offset <= kMaxPayloadOffset;
}

std::size_t FrameSize(const Packet& packet, const Headers& headers) {
  return packet.IsBurst() ? headers.payload_offset + packet.segment_size : packet.bytes.size();
}

}  // namespace

void Receiver::Receive(Packet packet) {
  const auto headers = ParseHeaders(packet);
  if (!headers || !vnics_.Accepts(packet.bytes)) {
    ++counters_.filtered;
    return;
  }
  const auto to = vnics_.Find(*headers);
  if (!to || to->vnic.mru == 0) {
    ++counters_.unsteered;
    return;
  }
  const auto queue = Resolve(to->rings);
  if (!queue) {
    ++counters_.unsteered;
    return;
  }
  if (queue->buffers->stopped.In(slot_.faults)) return;
  if (FrameSize(packet, *headers) > to->vnic.mru) return Drop(counters_.over_mru, *queue);
  if (!packet.IsBurst()) return Deliver(packet, *queue, *to);
  const std::size_t segments_each = SegmentsEach(packet, *headers, *queue, to->vnic);
  const auto parts = CutBurst(std::move(packet), segments_each);
  if (!parts) return slot_.log.Refused("bnxt: burst not received: {}", parts.error().Text());
  for (const Packet& part : *parts) Deliver(part, *queue, *to);
}

std::optional<Receiver::Queue> Receiver::Resolve(RingPair rings) const {
  Queue queue{.buffers = rings_.Find<RxRing>(rings.rx_ring),
              .aggregation = nullptr,
              .completions = rings_.Find<CompletionQueue>(rings.completion_ring)};
  if (!queue.buffers || !queue.completions) return std::nullopt;
  if (queue.buffers->aggregation) {
    queue.aggregation = rings_.Find<AggregationRing>(*queue.buffers->aggregation);
  }
  return queue;
}

std::size_t Receiver::SegmentsEach(const Packet& burst, const Headers& headers, const Queue& queue,
                                   const Vnic& vnic) const {
  if (vnic.coalesce_segments == 0 || !queue.aggregation || !HasPlainHeaders(headers)) return 1;
  const auto head = queue.buffers->Peek();
  const auto buffer = queue.aggregation->Peek();
  if (!head || head->Length() < headers.payload_offset || !buffer) return 1;
  const std::size_t fit = std::size_t{kCoalesceMaxBuffers} * RoomIn(*buffer) / burst.segment_size;
  return std::clamp<std::size_t>(
      fit, 1, std::min<std::size_t>(vnic.coalesce_segments, kCoalesceMaxSegments));
}

bool Receiver::Splits(const Packet& packet, const Headers& headers, const Queue& queue,
                      const Vnic& vnic) {
  if (packet.IsBurst()) return true;  // will be coalesced, which includes the split
  const bool wanted = headers.network == Network::kIpv4 ? vnic.split_ipv4 : vnic.split_ipv6;
  return queue.aggregation && wanted && headers.transport == Transport::kTcp &&
         headers.PayloadLength() > 0 && packet.bytes.size() > vnic.split_threshold;
}

void Receiver::Deliver(const Packet& packet, const Queue& queue, Delivery to) {
  const auto headers = ParseHeaders(packet);
  if (!headers) return;
  if (Splits(packet, *headers, queue, to.vnic)) {
    to.wrong = DrawFaults(slot_.faults, *headers, queue.buffers->split_lost);
  }
  if (!packet.IsBurst()) return DeliverFrame(packet, *headers, queue, to);
  // A coalesced packet is split, and its checksum vouched for (bnxt_gro_skb() does not look): what
  // is not split or not vouched for is not coalesced.
  if (!to.wrong.unsplit && !to.wrong.unvouched) return DeliverBurst(packet, *headers, queue, to);
  const auto frames = CutBurst(packet);
  if (!frames) return;
  for (const Packet& frame : *frames) {
    if (const auto own = ParseHeaders(frame)) DeliverFrame(frame, *own, queue, to);
  }
}

Receiver::Checks Receiver::Verify(const Packet& packet, const Headers& headers,
                                  const PacketFaults& wrong) {
  Checks checks;
  const auto ip = VerifyIpv4Checksum(packet.bytes, headers);
  const auto transport = VerifyTransportChecksum(packet.bytes, headers);
  if (ip != ChecksumVerdict::kAbsent) checks.done |= kRx2IpChecked;
  if (transport != ChecksumVerdict::kAbsent && !wrong.unvouched) {
    checks.done |= kRx2TransportChecked;
  }
  if (ip == ChecksumVerdict::kBad) checks.errors |= kRx2IpChecksumError;
  if (transport == ChecksumVerdict::kBad) checks.errors |= kRx2TransportChecksumError;
  if (headers.network == Network::kIpv6) checks.done |= kRx2Ipv6;
  if (checks.errors != 0) ++counters_.bad_checksum;
  return checks;
}

bool Receiver::Copy(Frame bytes, GuestAddress address) {
  const auto target = slot_.memory.Writable(address, bytes.size());
  if (target.size() != bytes.size()) {
    slot_.log.Refused("bnxt: rx buffer at {:#x} is not in memory", address);
    return false;
  }
  std::ranges::copy(bytes, target.begin());
  return true;
}

std::size_t Receiver::RoomIn(const BufferDescriptor& buffer) const {
  constexpr std::size_t kShort = 4096;
  const std::size_t length = buffer.Length();
  return slot_.faults.IsSet(Fault::kShortBuffers) ? std::min(length, kShort) : length;
}

// The driver expects the numbers in turn, and resets the device on any other (bnxt.c, bnxt_rx_pkt,
// bnxt_tpa_start).
std::uint32_t Receiver::OpaqueOf(const BufferDescriptor& buffer, const Packet& packet,
                                 const Headers& headers) {
  const std::uint32_t opaque = buffer.opaque;
  return FailsDevice(slot_.faults, packet, headers) ? opaque ^ 1U : opaque;
}

std::optional<Receiver::Pieces> Receiver::Scatter(Frame payload, const Queue& queue,
                                                  const PacketFaults& wrong, CompletionType type,
                                                  std::size_t most) {
  Pieces pieces;
  while (!payload.empty()) {
    const auto ahead = static_cast<std::uint32_t>(pieces.size());
    const auto buffer =
        queue.aggregation && ahead < most ? queue.aggregation->Peek(ahead) : std::nullopt;
    if (!buffer || buffer->Length() == 0) {
      Drop(counters_.no_buffers, queue);
      return std::nullopt;
    }
    const std::size_t room = RoomIn(*buffer);
    if (room < std::min<std::size_t>(payload.size(), buffer->Length())) {
      std::ignore = slot_.faults.Bites(Fault::kShortBuffers);
    }
    const Frame piece = payload.first(std::min(payload.size(), room));
    const Writing writing = AsWritten(wrong, piece, room);
    const auto next = wrong.into_next ? queue.aggregation->Peek(ahead + 1) : std::nullopt;
    if (!Copy(writing.bytes, next.value_or(*buffer).address + writing.offset)) {
      Drop(counters_.refused, queue);
      return std::nullopt;
    }
    pieces.push_back({.type_flags_length = Type(type) | static_cast<std::uint32_t>(piece.size())
                                                            << kRxLengthShift,
                      .opaque = buffer->opaque,
                      .phase_and_more = 0,
                      .last = 0});
    payload = payload.subspan(piece.size());
  }
  return pieces;
}

void Receiver::DeliverFrame(const Packet& packet, const Headers& headers, const Queue& queue,
                            const Delivery& to) {
  const auto buffer = queue.buffers->Peek();
  if (!buffer) return Drop(counters_.no_buffers, queue);
  const std::size_t room = buffer->Length();
  const bool split = Splits(packet, headers, queue, to.vnic) && !to.wrong.unsplit &&
                     headers.payload_offset <= room;
  const Frame bytes = packet.bytes;
  const std::size_t whole = std::min(bytes.size(), room);
  const Parts parts =
      split ? Divide(bytes, headers, to.wrong, room)
            : Parts{.head = bytes.first(whole), .payload = bytes.subspan(whole), .altered = {}};
  const auto pieces =
      Scatter(parts.payload, queue, to.wrong, CompletionType::kRxBuffer, kRxMaxBuffers);
  if (!pieces) return;
  if (!Copy(parts.head, buffer->address)) return Drop(counters_.refused, queue);

  const Checks checks = Verify(packet, headers, to.wrong);
  const auto count = static_cast<std::uint32_t>(pieces->size());
  std::vector<Completion> records;
  records.push_back(
      {.type_flags_length = Type(CompletionType::kRx) | KindOf(headers) |
                            (to.hash ? kRxHashValid : 0) |
                            static_cast<std::uint32_t>(parts.head.size()) << kRxLengthShift,
       .opaque = OpaqueOf(*buffer, packet, headers),
       .phase_and_more = count << kRxBuffersShift,
       .last = to.hash ? to.hash->value : 0});
  records.push_back(
      {.type_flags_length = checks.done, .opaque = 0, .phase_and_more = checks.errors, .last = 0});
  records.insert(records.end(), pieces->begin(), pieces->end());
  if (!Finish(packet, queue, 1, records, count)) return;
  if (split) ++counters_.split;
}

void Receiver::DeliverBurst(const Packet& burst, const Headers& headers, const Queue& queue,
                            const Delivery& to) {
  // The driver gives the second buffer back unused (bnxt.c, bnxt_tpa_start).
  constexpr std::uint32_t kBuffers = 2;
  const auto buffer = queue.buffers->Peek();
  if (!buffer || queue.buffers->Available() < kBuffers) return Drop(counters_.no_buffers, queue);
  if (headers.payload_offset > buffer->Length()) return Drop(counters_.refused, queue);
  const Parts parts = Divide(burst.bytes, headers, to.wrong, buffer->Length());
  const auto pieces = Scatter(parts.payload, queue, to.wrong, CompletionType::kRxCoalesceBuffer,
                              kCoalesceMaxBuffers);
  if (!pieces) return;
  if (!Copy(parts.head, buffer->address)) return Drop(counters_.refused, queue);

  const Checks checks = Verify(burst, headers, to.wrong);
  const auto head = static_cast<std::uint32_t>(parts.head.size());
  const auto offset = static_cast<std::uint32_t>(headers.payload_offset);
  const auto network = static_cast<std::uint32_t>(headers.network_offset);
  const auto segments = static_cast<std::uint32_t>(FramesOf(burst, headers));
  const auto count = static_cast<std::uint32_t>(pieces->size());
  constexpr std::uint32_t kFlags = kRxCoalescePlacement | kRxIsTcp;
  std::vector<Completion> records;
  // One aggregation at a time and from beginning to end: its number is always 0.
  records.push_back({.type_flags_length = Type(CompletionType::kRxCoalesceStart) | kFlags |
                                          kRxHashValid | head << kRxLengthShift,
                     .opaque = OpaqueOf(*buffer, burst, headers),
                     .phase_and_more = 0,
                     .last = to.hash ? to.hash->value : 0});
  records.push_back(
      {.type_flags_length = checks.done,
       .opaque = 0,
       .phase_and_more = 0,
       .last = network << kCoalesceOuterNetworkShift | network << kCoalesceInnerNetworkShift});
  records.insert(records.end(), pieces->begin(), pieces->end());
  records.push_back({.type_flags_length = Type(CompletionType::kRxCoalesceEnd) | kFlags,
                     .opaque = 0,
                     .phase_and_more = segments << kCoalesceSegmentsShift,
                     .last = 0});
  records.push_back(
      {.type_flags_length = offset << kCoalescePayloadOffsetShift | count << kCoalesceBuffersShift,
       .opaque = burst.segment_size,
       .phase_and_more = 0,
       .last = buffer->opaque});
  Add(queue.buffers->statistics->counters.coalesced_packets, segments);
  Add(queue.buffers->statistics->counters.coalesced_bytes, burst.bytes.size());
  if (!Finish(burst, queue, kBuffers, records, count)) return;
  ++counters_.split;
  ++counters_.coalesced;
}

bool Receiver::Finish(const Packet& packet, const Queue& queue, std::uint32_t buffers,
                      std::span<const Completion> records, std::uint32_t aggregation_buffers) {
  if (!queue.completions->Post(records)) {
    Drop(counters_.no_buffers, queue);
    return false;
  }
  queue.buffers->Take(buffers);
  if (aggregation_buffers > 0) {
    queue.aggregation->Take(aggregation_buffers);
    if (queue.aggregation->Available() > 0 &&
        slot_.faults.Bites(Fault::kCompletionLost, aggregation_buffers)) {
      queue.aggregation->Take(1);
    }
  }
  ++counters_.packets;
  StatContext& statistics = *queue.buffers->statistics;
  const auto destination = LoadAt<MacAddress>(packet.bytes);
  Add(statistics.counters.rx_packets, destination, 1);
  Add(statistics.counters.rx_bytes, destination, packet.bytes.size());
  statistics.Publish();
  return true;
}

void Receiver::Drop(std::uint64_t& counter, const Queue& queue) {
  ++counter;
  Add(queue.buffers->statistics->counters.rx_discarded, 1);
  queue.buffers->statistics->Publish();
}

}  // namespace vnic::bnxt
