#include "ci/vnic/device/receive_queue.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "ci/vnic/net/segment.h"

namespace vnic {

void ReceiveCounters::AppendTo(Counters& counters, std::string_view suffix) const {
  const auto add = [&](std::string_view name, std::uint64_t value) {
    counters.emplace_back(fmt::format("rx_{}{}", name, suffix), value);
  };
  add("packets", packets);
  add("bytes", bytes);
  add("split", split);
  add("coalesced", coalesced);
  add("bad_checksum", bad_checksum);
  add("no_buffers", no_buffers);
  add("too_long", too_long);
  add("refused", refused);
}

void ReceiveQueue::Receive(Packet packet, const Headers& headers, std::optional<RssHash> hash) {
  if (Scars().stopped.In(slot_.faults)) return;
  const std::size_t frame =
      packet.IsBurst() ? headers.payload_offset + packet.segment_size : packet.bytes.size();
  if (frame > LongestFrame()) return Drop(counters_.too_long);
  if (!packet.IsBurst()) return Deliver(packet, headers, hash, false);
  const std::size_t segments = SegmentsEach(packet, headers);
  const auto parts = CutBurst(std::move(packet), segments);
  if (!parts) {
    return slot_.log.Refused("{}: burst not received: {}", Name(), parts.error().Text());
  }
  for (const Packet& part : *parts) {
    if (const auto own = ParseHeaders(part)) Deliver(part, *own, hash, &part != &parts->back());
  }
}

void ReceiveQueue::Deliver(const Packet& packet, const Headers& headers,
                           std::optional<RssHash> hash, bool more) {
  const auto head = Head(packet);
  if (!head) return Drop(counters_.no_buffers);
  const bool split = Splits(packet, headers) && headers.payload_offset <= head->room;
  const PacketFaults wrong =
      split ? DrawFaults(slot_.faults, headers, Scars().split_lost) : PacketFaults{};
  const bool plain = split && !wrong.unsplit && !wrong.unvouched;
  if (!packet.IsBurst() || plain || !CoalescesSplitOnly()) {
    return Place({.packet = packet,
                  .headers = headers,
                  .hash = hash,
                  .split = split,
                  .head = *head,
                  .more = more},
                 wrong);
  }
  const auto frames = CutBurst(packet);
  if (!frames) return;
  for (const Packet& each : *frames) {
    const auto own = ParseHeaders(each);
    const auto next = Head(each);
    if (!next) return Drop(counters_.no_buffers);
    if (!own) continue;
    Place({.packet = each,
           .headers = *own,
           .hash = hash,
           .split = split && own->payload_offset <= next->room,
           .head = *next,
           .more = more || &each != &frames->back()},
          wrong);
  }
}

void ReceiveQueue::Place(Reception to, const PacketFaults& wrong) {
  const Frame bytes = to.packet.bytes;
  const Headers& headers = to.headers;
  to.split = to.split && !wrong.unsplit;
  const std::size_t lead = BeginsInHead() ? std::min(bytes.size(), to.head.room) : 0;
  const Parts parts =
      to.split ? Divide(bytes, headers, wrong, to.head.room)
               : Parts{.head = bytes.first(lead), .payload = bytes.subspan(lead), .altered = {}};
  to.head_bytes = parts.head.size();
  if (!Scatter(parts.payload, wrong, to)) return;
  if (!Write(parts.head, to.head.address)) return Drop(counters_.refused, &to);

  to.ip = VerifyIpv4Checksum(bytes, headers);
  to.transport = VerifyTransportChecksum(bytes, headers);
  to.vouched = !wrong.unvouched;
  to.fails_device = FailsDevice(slot_.faults, to.packet, headers);
  if (!Complete(to)) return Drop(counters_.no_buffers);
  ++counters_.packets;
  counters_.bytes += bytes.size();
  if (to.split) ++counters_.split;
  if (to.packet.IsBurst()) ++counters_.coalesced;
  if (to.ip == ChecksumVerdict::kBad || to.transport == ChecksumVerdict::kBad) {
    ++counters_.bad_checksum;
  }
  const auto taken = static_cast<std::uint32_t>(to.pieces.size());
  if (taken > 0 && slot_.faults.IsSet(Fault::kCompletionLost) && Buffer(0) &&
      slot_.faults.Bites(Fault::kCompletionLost, taken)) {
    LoseBuffer();
  }
}

bool ReceiveQueue::Scatter(Frame payload, const PacketFaults& wrong, Reception& to) {
  const std::uint32_t least = LeastBuffers();
  const std::uint32_t most = MostBuffers(to.packet);
  for (std::uint32_t ahead = 0; ahead < least || !payload.empty(); ++ahead) {
    const auto buffer = ahead < most ? Buffer(ahead) : std::nullopt;
    const std::size_t room = buffer ? RoomIn(*buffer) : 0;
    if (room == 0) {
      Drop(counters_.no_buffers);
      return false;
    }
    if (room < std::min(payload.size(), buffer->room)) {
      std::ignore = slot_.faults.Bites(Fault::kShortBuffers);
    }
    const Frame piece = payload.first(std::min(payload.size(), room));
    payload = payload.subspan(piece.size());
    to.pieces.push_back({.buffer = *buffer, .bytes = piece.size()});
    const Writing writing = AsWritten(wrong, piece, room);
    const auto next = wrong.into_next ? Buffer(ahead + 1) : std::nullopt;
    if (!Write(writing.bytes, next.value_or(*buffer).address + writing.offset)) {
      Drop(counters_.refused, &to);
      return false;
    }
  }
  return true;
}

bool ReceiveQueue::Write(Frame bytes, GuestAddress address) const {
  const auto target = slot_.memory.Writable(address, bytes.size());
  if (target.size() != bytes.size()) {
    slot_.log.Refused("{}: buffer at {:#x} is not in memory", Name(), address);
    return false;
  }
  std::ranges::copy(bytes, target.begin());
  return true;
}

std::size_t ReceiveQueue::RoomIn(const RxBuffer& buffer) const {
  constexpr std::size_t kPage = 4096;
  return slot_.faults.IsSet(Fault::kShortBuffers) ? std::min(buffer.room, kPage) : buffer.room;
}

void ReceiveQueue::Drop(std::uint64_t& counter, const Reception* at) {
  ++counter;
  Dropped(at);
}

void CountStart(const NicSlot& slot, QueueScars& made, bool splits, QueueScars* neighbour,
                bool restart) {
  slot.starts.Count(neighbour != nullptr);
  if (splits && slot.faults.Bites(Fault::kSplitLostAfterReset)) made.split_lost.Leave(slot.faults);
  if (restart && neighbour != nullptr) CountRestart(slot, *neighbour);
}

void CountRestart(const NicSlot& slot, QueueScars& neighbour) {
  slot.starts.CountRestart();
  if (slot.faults.Bites(Fault::kRestartStopsNeighbour)) neighbour.stopped.Leave(slot.faults);
}

}  // namespace vnic
