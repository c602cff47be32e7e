#include "ci/vnic/bnxt/receiver.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "ci/vnic/bnxt/records.h"
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

// The second half of a completion's words about checksums.
struct Checks {
  std::uint32_t done = 0;
  std::uint32_t errors = 0;

  explicit Checks(const Reception& received) {
    if (received.ip != ChecksumVerdict::kAbsent) done |= kRx2IpChecked;
    if (received.transport != ChecksumVerdict::kAbsent && received.vouched) {
      done |= kRx2TransportChecked;
    }
    if (received.ip == ChecksumVerdict::kBad) errors |= kRx2IpChecksumError;
    if (received.transport == ChecksumVerdict::kBad) errors |= kRx2TransportChecksumError;
    if (received.headers.network == Network::kIpv6) done |= kRx2Ipv6;
  }
};

// A receive ring with those that it works with, as they are now, for one packet.
class VnicQueue : public ReceiveQueue {
 public:
  VnicQueue(const NicSlot& slot, ReceiveCounters& counters, const RingTable& rings,
            const Delivery& to)
      : ReceiveQueue(slot, counters),
        vnic_(to.vnic),
        buffers_(rings.Find<RxRing>(to.rings.rx_ring)),
        completions_(rings.Find<CompletionQueue>(to.rings.completion_ring)) {
    if (buffers_ && buffers_->aggregation) {
      aggregation_ = rings.Find<AggregationRing>(*buffers_->aggregation);
    }
  }
  [[nodiscard]] bool Exists() const { return buffers_ && completions_; }

 private:
  // The driver gives the second buffer of a coalesced packet back unused (bnxt.c, bnxt_tpa_start).
  static constexpr std::uint32_t kCoalesceHeads = 2;

  [[nodiscard]] std::string Name() const override {
    return fmt::format("bnxt: rx ring of queue {}", buffers_->queue);
  }
  [[nodiscard]] const QueueScars& Scars() const override { return buffers_->scars; }
  [[nodiscard]] std::size_t LongestFrame() const override { return vnic_.mru; }
  [[nodiscard]] std::size_t SegmentsEach(const Packet& burst, const Headers& headers) override;
  [[nodiscard]] bool Splits(const Packet& packet, const Headers& headers) const override;
  // bnxt_gro_skb() does not look whether the checksum was verified.
  [[nodiscard]] bool CoalescesSplitOnly() const override { return true; }
  [[nodiscard]] bool BeginsInHead() const override { return true; }
  [[nodiscard]] std::optional<RxBuffer> Head(const Packet&) override {
    return From(buffers_->Peek());
  }
  [[nodiscard]] std::optional<RxBuffer> Buffer(std::uint32_t ahead) override {
    return aggregation_ ? From(aggregation_->Peek(ahead)) : std::nullopt;
  }
  [[nodiscard]] std::uint32_t MostBuffers(const Packet& packet) const override {
    return packet.IsBurst() ? kCoalesceMaxBuffers : kRxMaxBuffers;
  }
  bool Complete(const Reception& received) override;
  void LoseBuffer() override { aggregation_->Take(1); }
  void Dropped(const Reception*) override {
    Add(buffers_->statistics->counters.rx_discarded, 1);
    buffers_->statistics->Publish();
  }

  static std::optional<RxBuffer> From(const std::optional<BufferDescriptor>& buffer) {
    if (!buffer) return std::nullopt;
    return RxBuffer{.address = buffer->address, .room = buffer->Length(), .id = buffer->opaque};
  }
  [[nodiscard]] static std::vector<Completion> FrameRecords(const Reception& received);
  [[nodiscard]] static std::vector<Completion> BurstRecords(const Reception& received);

  const Vnic& vnic_;
  std::shared_ptr<RxRing> buffers_;
  std::shared_ptr<AggregationRing> aggregation_;  // may be null
  std::shared_ptr<CompletionQueue> completions_;
};

std::size_t VnicQueue::SegmentsEach(const Packet& burst, const Headers& headers) {
  if (vnic_.coalesce_segments == 0 || !HasPlainHeaders(headers)) return 1;
  const auto head = Head(burst);
  const auto buffer = Buffer(0);
  if (!head || head->room < headers.payload_offset || !buffer) return 1;
  const std::size_t fit = std::size_t{kCoalesceMaxBuffers} * RoomIn(*buffer) / burst.segment_size;
  return std::clamp<std::size_t>(
      fit, 1, std::min<std::size_t>(vnic_.coalesce_segments, kCoalesceMaxSegments));
}

bool VnicQueue::Splits(const Packet& packet, const Headers& headers) const {
  if (packet.IsBurst()) return true;  // will be coalesced, which includes the split
  const bool wanted = headers.network == Network::kIpv4 ? vnic_.split_ipv4 : vnic_.split_ipv6;
  return aggregation_ && wanted && headers.transport == Transport::kTcp &&
         headers.PayloadLength() > 0 && packet.bytes.size() > vnic_.split_threshold;
}

bool VnicQueue::Complete(const Reception& received) {
  const bool burst = received.packet.IsBurst();
  const std::uint32_t heads = burst ? kCoalesceHeads : 1;
  if (buffers_->Available() < heads) return false;
  if (!completions_->Post(burst ? BurstRecords(received) : FrameRecords(received))) return false;
  buffers_->Take(heads);
  if (!received.pieces.empty()) {
    aggregation_->Take(static_cast<std::uint32_t>(received.pieces.size()));
  }
  StatContext& statistics = *buffers_->statistics;
  const auto& bytes = received.packet.bytes;
  const auto destination = LoadAt<MacAddress>(bytes);
  if (burst) {
    Add(statistics.counters.coalesced_packets, FramesOf(received.packet, received.headers));
    Add(statistics.counters.coalesced_bytes, bytes.size());
  }
  Add(statistics.counters.rx_packets, destination, 1);
  Add(statistics.counters.rx_bytes, destination, bytes.size());
  statistics.Publish();
  return true;
}

// The driver expects the numbers in turn, and resets the device on any other (bnxt.c, bnxt_rx_pkt,
// bnxt_tpa_start).
std::uint32_t OpaqueOf(const Reception& received) {
  return received.fails_device ? received.head.id ^ 1U : received.head.id;
}

void AppendPieces(std::vector<Completion>& records, const Reception& received,
                  CompletionType type) {
  for (const auto& [buffer, bytes] : received.pieces) {
    records.push_back(
        {.type_flags_length = Type(type) | static_cast<std::uint32_t>(bytes) << kRxLengthShift,
         .opaque = buffer.id,
         .phase_and_more = 0,
         .last = 0});
  }
}

std::vector<Completion> VnicQueue::FrameRecords(const Reception& received) {
  const Checks checks(received);
  const auto& hash = received.hash;
  std::vector<Completion> records;
  records.push_back(
      {.type_flags_length = Type(CompletionType::kRx) | KindOf(received.headers) |
                            (hash ? kRxHashValid : 0) |
                            static_cast<std::uint32_t>(received.head_bytes) << kRxLengthShift,
       .opaque = OpaqueOf(received),
       .phase_and_more = static_cast<std::uint32_t>(received.pieces.size()) << kRxBuffersShift,
       .last = hash ? hash->value : 0});
  records.push_back(
      {.type_flags_length = checks.done, .opaque = 0, .phase_and_more = checks.errors, .last = 0});
  AppendPieces(records, received, CompletionType::kRxBuffer);
  return records;
}

std::vector<Completion> VnicQueue::BurstRecords(const Reception& received) {
  const Headers& headers = received.headers;
  const auto offset = static_cast<std::uint32_t>(headers.payload_offset);
  const auto network = static_cast<std::uint32_t>(headers.network_offset);
  const auto segments = static_cast<std::uint32_t>(FramesOf(received.packet, headers));
  const auto count = static_cast<std::uint32_t>(received.pieces.size());
  constexpr std::uint32_t kFlags = kRxCoalescePlacement | kRxIsTcp;
  std::vector<Completion> records;
  // One aggregation at a time and from beginning to end: its number is always 0.
  records.push_back(
      {.type_flags_length = Type(CompletionType::kRxCoalesceStart) | kFlags | kRxHashValid |
                            static_cast<std::uint32_t>(received.head_bytes) << kRxLengthShift,
       .opaque = OpaqueOf(received),
       .phase_and_more = 0,
       .last = received.hash ? received.hash->value : 0});
  records.push_back(
      {.type_flags_length = Checks(received).done,
       .opaque = 0,
       .phase_and_more = 0,
       .last = network << kCoalesceOuterNetworkShift | network << kCoalesceInnerNetworkShift});
  AppendPieces(records, received, CompletionType::kRxCoalesceBuffer);
  records.push_back({.type_flags_length = Type(CompletionType::kRxCoalesceEnd) | kFlags,
                     .opaque = 0,
                     .phase_and_more = segments << kCoalesceSegmentsShift,
                     .last = 0});
  records.push_back(
      {.type_flags_length = offset << kCoalescePayloadOffsetShift | count << kCoalesceBuffersShift,
       .opaque = received.packet.segment_size,
       .phase_and_more = 0,
       .last = received.head.id});
  return records;
}

}  // namespace

void Receiver::Receive(Packet packet) {
  const auto headers = ParseHeaders(packet);
  if (!headers || !vnics_.Accepts(packet.bytes)) {
    ++filtered_;
    return;
  }
  const auto to = vnics_.Find(*headers);
  if (!to || to->vnic.mru == 0) {
    ++unsteered_;
    return;
  }
  VnicQueue queue(slot_, counters_, rings_, *to);
  if (!queue.Exists()) {
    ++unsteered_;
    return;
  }
  queue.Receive(std::move(packet), *headers, to->hash);
}

Counters Receiver::Stats() const {
  Counters counters{{"rx_filtered", filtered_}, {"rx_unsteered", unsteered_}};
  counters_.AppendTo(counters);
  return counters;
}

}  // namespace vnic::bnxt
