#include "ci/vnic/mlx5/send_queue.h"

#include <algorithm>
#include <cerrno>

#include "ci/vnic/mlx5/datagrams.h"
#include "ci/vnic/net/headers.h"

namespace vnic::mlx5 {
namespace {

// create_sq_in: the context is at 0x20, the ring's at 0x50.
constexpr Field kCompletionQueue{0x20 + 0x08, 0, 24};
constexpr std::size_t kRing = 0x20 + 0x30;
constexpr std::size_t kDoorbellRecord = kRing + 0x10;
constexpr Field kLogPageSize{kRing + 0x20, 8, 5};
constexpr Field kLogSize{kRing + 0x20, 0, 5};
constexpr std::size_t kPages = kRing + 0xc0;
constexpr std::uint32_t kMostLogSize = 15;  // the counter has 16 bits

constexpr std::size_t kSendCounter = 4;  // in the doorbell record
constexpr std::size_t kBlock = 64;
constexpr std::size_t kUnit = 16;

// The control segment.
constexpr Field kOpcodeOfRequest{0x00, 0, 8};
constexpr Field kUnits{0x04, 0, 6};
constexpr Field kWantsCompletion{0x08, 2, 2};
constexpr std::uint32_t kAlways = 2;  // MLX5_WQE_CTRL_CQ_UPDATE
constexpr Field kKey{0x0c, 0, 32};
enum class SendOpcode : std::uint8_t { kNop = 0x00, kSend = 0x0a, kSegment = 0x0e, kKeys = 0x25 };

// The Ethernet segment.
constexpr Field kChecksums{0x14, 24, 8};
constexpr Field kSegmentSize{0x14, 0, 16};
constexpr Field kInlineSize{0x1c, 16, 16};
constexpr std::size_t kInline = 0x1e;
constexpr std::size_t kInlineInSegment = 2;
constexpr std::size_t kData = 0x20;
constexpr std::uint32_t kTransportChecksum = 0x80;
constexpr std::uint32_t kNetworkChecksum = 0x40;

// A request that changes a key's table.
constexpr Field kOctwords{0x14, 16, 16};
constexpr Field kAtOctword{0x14, 0, 16};
constexpr std::size_t kNewEntries = 0x80;

constexpr std::size_t kMaxFrame = 10240 + 22;
constexpr std::size_t kMaxBurst = std::size_t{256} << 10;

}  // namespace

SendQueue::SendQueue(const Parts& parts)
    : parts_(parts), packet_({.largest_frame = kMaxFrame, .largest_burst = kMaxBurst}) {}

zcrx::Result<SendQueue> SendQueue::Make(const Parts& parts, std::uint32_t number, Bits request) {
  SendQueue queue(parts);
  queue.number_ = number;
  queue.completion_queue_ = request[kCompletionQueue];
  queue.doorbell_record_ = request.Long(kDoorbellRecord);
  queue.log_size_ = request[kLogSize];
  if (queue.log_size_ > kMostLogSize) {
    return zcrx::Fail("make a send queue", EINVAL, fmt::format("2^{} blocks", queue.log_size_));
  }
  ZCRX_ASSIGN_OR_RETURN(queue.pages_, RingPages::Open(request.From(kPages), request[kLogPageSize],
                                                      kBlock << queue.log_size_));
  return queue;
}

void SendQueue::Doorbell() {
  if (!ready_ || broken_) return;
  const auto counter = parts_.slot.memory.Load<Be32>(doorbell_record_ + kSendCounter);
  if (!counter) return Break("the doorbell record is not in memory");
  budget_ = {};
  const auto end = static_cast<std::uint16_t>(*counter);
  while (taken_ != end && !broken_) {
    const auto request = Load(static_cast<std::uint16_t>(end - taken_));
    if (!request) return;
    taken_ = static_cast<std::uint16_t>(taken_ + request->blocks);
    Execute(*request);
  }
}

std::optional<SendQueue::Request> SendQueue::Load(std::uint32_t posted) {
  const auto block_at = [&](std::uint32_t ahead) {
    const std::uint64_t index = (taken_ + ahead) & ((1U << log_size_) - 1);
    return parts_.slot.memory.Readable(pages_.At(index * kBlock), kBlock);
  };
  const auto first = block_at(0);
  if (first.empty()) {
    Break("the ring is not in memory");
    return std::nullopt;
  }
  const std::size_t units = std::max<std::size_t>(Bits(first)[kUnits], 1);
  Request request{.counter = taken_,
                  .blocks = static_cast<std::uint32_t>((units * kUnit + kBlock - 1) / kBlock),
                  .bytes = {}};
  if (request.blocks > posted) {
    Break(fmt::format("a request of {} blocks, {} are posted", request.blocks, posted));
    return std::nullopt;
  }
  for (std::uint32_t ahead = 0; ahead < request.blocks; ++ahead) {
    const auto block = block_at(ahead);
    if (block.empty()) {
      Break("the ring is not in memory");
      return std::nullopt;
    }
    request.bytes.insert(request.bytes.end(), block.begin(), block.end());
  }
  request.bytes.resize(units * kUnit);
  return request;
}

void SendQueue::Execute(const Request& request) {
  const Bits bits(request.bytes);
  switch (static_cast<SendOpcode>(bits[kOpcodeOfRequest])) {
    case SendOpcode::kNop:
      break;
    case SendOpcode::kSend:
      Send(bits, false);
      break;
    case SendOpcode::kSegment:
      Send(bits, true);
      break;
    case SendOpcode::kKeys:
      UpdateKey(bits);
      break;
    default:
      return Break(fmt::format("opcode {:#x}", bits[kOpcodeOfRequest]));
  }
  if (bits[kWantsCompletion] != kAlways) return;
  Completion completion;
  completion.queue = number_;
  completion.counter = request.counter;
  const auto queue = parts_.completions.Find(completion_queue_);
  if (queue == nullptr || !queue->Post(CompletionCode::kRequest, completion)) {
    Break("its completion has no room");
  }
}

void SendQueue::Send(Bits request, bool segment) {
  Gather(request);
  if (segment) packet_.Segment(static_cast<std::uint16_t>(request[kSegmentSize]));
  if ((request[kChecksums] & kNetworkChecksum) != 0) packet_.CompleteIpChecksum();
  if ((request[kChecksums] & kTransportChecksum) != 0) packet_.CompleteTransportChecksum();
  auto outgoing = packet_.Finish(budget_);
  if (!outgoing) return Refuse(outgoing.error());
  Packet& packet = outgoing->packet;
  const auto headers = segment ? ParseHeaders(packet) : std::nullopt;
  if (!headers || headers->transport != Transport::kUdp) return Transmit(std::move(packet));
  if (!budget_.TakeFrames(DatagramsOf(packet, *headers))) {
    return Refuse({.operation = "too many frames at once", .code = 0, .detail = {}});
  }
  auto datagrams = CutDatagrams(packet, *headers);
  if (!datagrams) return Refuse(datagrams.error());
  for (Packet& datagram : *datagrams) Transmit(std::move(datagram));
}

// First what of the headers is in the request itself, then what its data segments name.
void SendQueue::Gather(Bits request) {
  const std::size_t inlined = request[kInlineSize];
  const auto header = request.From(kInline).Bytes();
  if (inlined > header.size()) return packet_.Refuse("more bytes inline than the request has");
  if (inlined > 0) packet_.Add(header.first(inlined), budget_);
  const std::size_t behind = inlined > kInlineInSegment ? inlined - kInlineInSegment : 0;
  for (std::size_t at = kData + (behind + kUnit - 1) / kUnit * kUnit;
       at + kUnit <= request.Size() && !packet_.IsRefused(); at += kUnit) {
    const std::uint32_t length = request.Word(at);
    if (length > kMaxBurst) return packet_.Refuse("packet is too large, or data in the request");
    const auto add = [this](Frame bytes) { packet_.Add(bytes, budget_); };
    if (!parts_.keys.Read(request.Word(at + 4), request.Long(at + 8), length, add)) {
      return packet_.Refuse("data is not in memory, or has no such key");
    }
  }
}

void SendQueue::Transmit(Packet packet) {
  ++parts_.counters.packets;
  parts_.counters.bytes += packet.bytes.size();
  parts_.slot.wire.Send(std::move(packet));
}

void SendQueue::Refuse(const zcrx::Error& reason) {
  ++parts_.counters.refused;
  parts_.slot.log.Refused("mlx5: send queue {}: packet not sent: {}", number_, reason.Text());
}

void SendQueue::UpdateKey(Bits request) {
  const std::size_t size = request[kOctwords] * kOctword;
  const auto entries = request.From(kNewEntries).Bytes();
  if (size > entries.size()) {
    return Break(fmt::format("{} bytes of a key's table in {}", size, entries.size()));
  }
  const auto done = parts_.keys.Update(request[kKey], request[kAtOctword], entries.first(size));
  if (!done) return Break(done.error().Text());
  ++parts_.counters.key_updates;
}

void SendQueue::Break(std::string reason) {
  parts_.slot.log.Refused("mlx5: send queue {} is broken: {}", number_, reason);
  broken_ = true;
}

}  // namespace vnic::mlx5
