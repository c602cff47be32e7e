#include "ci/vnic/mlx5/rx_queue.h"

#include <algorithm>
#include <cerrno>

#include "ci/vnic/mlx5/registers.h"
#include "ci/vnic/net/checksum.h"

namespace vnic::mlx5 {
namespace {

// create_rq_in: the context is at 0x20, the ring's at 0x50.
constexpr Field kCompletionQueue{0x20 + 0x08, 0, 24};
constexpr Field kCounterSet{0x20 + 0x0c, 24, 8};
constexpr std::size_t kRing = 0x20 + 0x30;
constexpr Field kType{kRing, 28, 4};
constexpr std::size_t kDoorbellRecord = kRing + 0x10;
constexpr Field kLogRequest{kRing + 0x20, 16, 4};
constexpr Field kLogPageSize{kRing + 0x20, 8, 5};
constexpr Field kLogSize{kRing + 0x20, 0, 5};
constexpr Field kLogStrides{kRing + 0x24, 8, 4};
constexpr Field kLogStride{kRing + 0x24, 0, 3};
constexpr Field kHeaderKey{kRing + 0x38, 0, 32};
constexpr Field kSplits{kRing + 0x3c, 31, 1};
constexpr Field kLogReservation{kRing + 0x3c, 24, 3};
constexpr Field kLogPacketsPerReservation{kRing + 0x3c, 16, 3};
constexpr Field kLogHeaderEntry{kRing + 0x3c, 8, 2};
constexpr Field kLogHeaderEntries{kRing + 0x3c, 0, 4};
constexpr std::size_t kPages = kRing + 0xc0;

constexpr std::uint32_t kLinkedStriding = 2;  // MLX5_WQ_TYPE_LINKED_LIST_STRIDING_RQ
constexpr std::uint32_t kMostLogSize = 15;    // the counter has 16 bits
// mlx5_ifc.h, wq: what the fields are relative to.
constexpr int kLogStridesBase = 9;
constexpr std::uint32_t kLogStrideBase = 6;
constexpr std::uint32_t kLogHeaderEntryBase = 6;
constexpr std::uint32_t kLogReservationBase = 12;

// A work request.
constexpr std::size_t kRequest = std::size_t{1} << kLogLinkedWqe;
constexpr Field kNext{0x00, 0, 16};
constexpr std::size_t kKey = 0x14;
constexpr std::size_t kAddress = 0x18;

// A completion.
constexpr std::uint8_t kMatch = 1U << 1;
constexpr std::uint8_t kFlush = 1U << 2;
constexpr std::uint8_t kNetworkChecked = 1U << 1;
constexpr std::uint8_t kTransportChecked = 1U << 2;
constexpr unsigned kStridesShift = 16;
constexpr std::uint32_t kFiller = 1U << 31;
constexpr unsigned kNetworkShift = 2;
constexpr unsigned kTransportShift = 4;

constexpr std::size_t kMaxHeader = 255;  // the completion has 8 bits for it
// What several buffers are counted in where the driver's page is larger.
constexpr std::size_t kPage = 4096;

// device.h, CQE_RSS_*
constexpr unsigned kIpShift = 2;
constexpr unsigned kPortsShift = 6;

std::uint8_t HashTypeOf(const Headers& headers, const RssHash& hash) {
  const unsigned network = headers.network == Network::kIpv4 ? 1 : 2;
  const unsigned transport = headers.transport == Transport::kTcp ? 1 : 2;
  return static_cast<std::uint8_t>((hash.with_ports ? transport << kPortsShift : 0U) |
                                   network << kIpShift);
}

// device.h, CQE_L3_HDR_TYPE_*, CQE_L4_HDR_TYPE_*
std::uint8_t TypesOf(const Headers& headers) {
  unsigned network = 0;
  unsigned transport = 0;
  if (headers.network == Network::kIpv6) network = 1;
  if (headers.network == Network::kIpv4) network = 2;
  if (headers.transport == Transport::kUdp) transport = 2;
  if (headers.transport == Transport::kTcp) {
    const bool acknowledges = (headers.tcp_flags & kTcpAck) != 0;
    const unsigned with_ack = headers.PayloadLength() > 0 ? 4 : 3;
    transport = acknowledges ? with_ack : 1;
  }
  return static_cast<std::uint8_t>(transport << kTransportShift | network << kNetworkShift);
}

// Of merged packets the driver finds IP and TCP by their headers' usual sizes, looks at no
// checksum, and of all but the first leaves out what is not in their data (core/en_rx.c,
// mlx5e_shampo_update_hdr, mlx5e_handle_rx_cqe_mpwrq_shampo).
bool Merges(const Reception& received) {
  const Headers& headers = received.headers;
  const std::size_t ip = headers.network == Network::kIpv4 ? kIpv4MinHeader : kIpv6Header;
  return received.split && received.head_bytes == headers.payload_offset &&
         headers.network_offset == kEthernetHeader &&
         headers.transport_offset - headers.network_offset == ip && received.vouched &&
         received.transport == ChecksumVerdict::kGood;
}

std::size_t PayloadOf(const Reception& received) {
  std::size_t bytes = 0;
  for (const auto& piece : received.pieces) bytes += piece.bytes;
  return bytes;
}

}  // namespace

zcrx::Result<RxQueueConfig> RxQueueConfig::Read(Bits request) {
  RxQueueConfig queue;
  queue.completion_queue = request[kCompletionQueue];
  queue.counter_set = static_cast<std::uint8_t>(request[kCounterSet]);
  if (request[kType] != kLinkedStriding) return queue;
  queue.log_size = request[kLogSize];
  if (queue.log_size > kMostLogSize || request[kLogRequest] != kLogLinkedWqe) {
    return zcrx::Fail(
        "make a receive queue", EINVAL,
        fmt::format("2^{} requests of 2^{} bytes", queue.log_size, request[kLogRequest]));
  }
  queue.doorbell_record = request.Long(kDoorbellRecord);
  ZCRX_ASSIGN_OR_RETURN(queue.pages, RingPages::Open(request.From(kPages), request[kLogPageSize],
                                                     kRequest << queue.log_size));
  // Signed.
  const int log_strides = static_cast<int>(request[kLogStrides] ^ 8U) - 8 + kLogStridesBase;
  queue.strides = 1U << static_cast<unsigned>(log_strides);
  queue.log_stride = request[kLogStride] + kLogStrideBase;
  queue.splits = request.Has(kSplits);
  if (!queue.splits) return queue;
  queue.header_key = request[kHeaderKey];
  queue.log_header_entry = request[kLogHeaderEntry] + kLogHeaderEntryBase;
  queue.log_header_entries = request[kLogHeaderEntries];
  queue.log_reservation = request[kLogReservation] + kLogReservationBase;
  const std::uint32_t reservations =
      std::max<std::uint32_t>(1, queue.strides << queue.log_stride >> queue.log_reservation);
  queue.headers_each = reservations << request[kLogPacketsPerReservation];
  return queue;
}

RxQueue::RxQueue(const Parts& parts, std::uint32_t number, RxQueueConfig config)
    : ReceiveQueue(parts.slot, parts.counters),
      parts_(parts),
      number_(number),
      config_(std::move(config)),
      channel_([&] {
        const auto completions = parts.completions.Find(config_.completion_queue);
        return completions == nullptr ? 0 : completions->EventQueueNumber();
      }()) {}

bool RxQueue::Fits(std::size_t end, std::uint32_t headers, std::size_t bytes) const {
  return end + bytes <= RequestBytes() && (!config_.splits || headers < config_.headers_each);
}

// As if all of the packet were payload: it may not be split, and that is not known yet.
std::optional<RxBuffer> RxQueue::Head(const Packet& packet) {
  const auto completions = parts_.completions.Find(config_.completion_queue);
  const std::size_t bytes = packet.bytes.size();
  // Room for a completion of the packet and one of a filler.
  if (completions == nullptr || completions->Room() < 2 || bytes > RequestBytes()) {
    return std::nullopt;
  }
  const bool fits = open_ && Fits(open_->end, open_->headers, bytes);
  if (!fits && !OpenNext(*completions)) return std::nullopt;
  buffers_.clear();
  if (!config_.splits) return RxBuffer{};
  const std::uint64_t entry = std::uint64_t{next_header_} << config_.log_header_entry;
  const auto run = parts_.keys.Resolve(config_.header_key, entry);
  if (!run) {
    slot_.log.Refused("{}: header {} of key {:#x} is nowhere", Name(), next_header_,
                      config_.header_key);
    return std::nullopt;
  }
  const std::uint64_t room = std::uint64_t{1} << config_.log_header_entry;
  return RxBuffer{.address = run->address,
                  .room = std::min<std::uint64_t>({kMaxHeader, room, run->length})};
}

// At most a page at a time: short-buffers, which leaves that of each, ends a session with it.
std::optional<RxBuffer> RxQueue::Buffer(std::uint32_t ahead) {
  if (!open_) return std::nullopt;
  std::size_t at = open_->end;
  for (const RxBuffer& buffer : buffers_) at += buffer.room;
  while (buffers_.size() <= ahead) {
    if (at >= RequestBytes()) return std::nullopt;
    const auto run = parts_.keys.Resolve(open_->key, open_->address + at);
    if (!run) {
      slot_.log.Refused("{}: request {} of key {:#x} is nowhere at {:#x}", Name(), open_->index,
                        open_->key, at);
      return std::nullopt;
    }
    if (run->length > kPage) open_->large = true;
    buffers_.push_back({.address = run->address,
                        .room = std::min<std::uint64_t>(
                            {run->length, kPage - run->address % kPage, RequestBytes() - at})});
    at += buffers_.back().room;
  }
  return buffers_[ahead];
}

bool RxQueue::Complete(const Reception& received) {
  const auto completions = parts_.completions.Find(config_.completion_queue);
  if (completions == nullptr) return false;
  const std::size_t payload = PayloadOf(received);
  const std::size_t end = open_->end + payload;
  const bool joins = open_->session && Merges(received);
  const std::size_t begin = joins ? *open_->session : open_->end;
  const bool goes_on = completions->Room() > 2 && GoesOn(received, begin, end);
  Completion completion = Describe(received);
  completion.wqe = open_->index;
  completion.counter = static_cast<std::uint16_t>(open_->end >> config_.log_stride);
  const std::uint32_t wrong = slot_.faults.Bites(Fault::kStrideTooMany) ? 1 : 0;
  completion.bytes_and_strides = (StridesTo(end) - StridesTo(open_->end) + wrong) << kStridesShift |
                                 static_cast<std::uint32_t>(received.head_bytes + payload);
  if (config_.splits) {
    const bool flush = !goes_on && !slot_.faults.Bites(Fault::kSessionUnflushed);
    completion.session = static_cast<std::uint8_t>((joins ? kMatch : 0U) | (flush ? kFlush : 0U));
    completion.header_size = static_cast<std::uint8_t>(received.head_bytes);
    completion.header_entry = static_cast<std::uint16_t>(next_header_);
    completion.data_offset = static_cast<std::uint32_t>(open_->end);
  }
  if (!completions->Post(CompletionCode::kReceive, completion)) return false;
  if (received.split) {
    ++open_->headers;
    next_header_ += slot_.faults.Bites(Fault::kHeaderSkipped) ? 2U : 1U;
    next_header_ &= (1U << config_.log_header_entries) - 1;
  }
  if (joins) ++parts_.counters.merged;
  if (received.fails_device) parts_.fails_device = true;
  open_->end = end;
  if (goes_on) {
    open_->session = begin;
    buffers_.clear();
  } else {
    TakeUpTo(NextStride());
  }
  if (!open_ && slot_.faults.Bites(Fault::kClosedCompletion)) {
    completions->Post(CompletionCode::kReceive, completion);
  }
  return true;
}

bool RxQueue::GoesOn(const Reception& received, std::size_t begin, std::size_t end) const {
  const std::size_t bytes = received.packet.bytes.size();
  // A request is the driver's again once all its strides have begun, whatever the last one holds.
  if (!received.more || !Merges(received) || StridesTo(end) == config_.strides ||
      !Fits(end, open_->headers + 1, bytes)) {
    return false;
  }
  // The first packet may cross a reservation, those that follow it are within the same.
  if (begin >> config_.log_reservation != (end + bytes - 1) >> config_.log_reservation) {
    return false;
  }
  return !open_->large || end + bytes <= begin + kPage || !slot_.faults.Bites(Fault::kShortBuffers);
}

void RxQueue::TakeUpTo(std::size_t end) {
  buffers_.clear();
  open_->session.reset();
  open_->end = end;
  if (end >= RequestBytes()) open_.reset();
}

bool RxQueue::OpenNext(CompletionQueue& completions) {
  if (open_) {
    // A request is given back once all its strides are accounted for.
    const std::uint32_t used = StridesTo(open_->end);
    Completion filler;
    filler.wqe = open_->index;
    filler.queue = number_;
    filler.counter = static_cast<std::uint16_t>(used);
    filler.bytes_and_strides = kFiller | (config_.strides - used) << kStridesShift;
    if (!completions.Post(CompletionCode::kReceive, filler)) return false;
    ++parts_.counters.fillers;
    open_.reset();
    if (slot_.faults.Bites(Fault::kClosedCompletion)) {
      completions.Post(CompletionCode::kReceive, filler);
    }
  }
  const auto posted = slot_.memory.Load<Be32>(config_.doorbell_record);
  if (!posted || static_cast<std::uint16_t>(*posted) == opened_) return false;
  const std::uint32_t mask = (1U << config_.log_size) - 1;
  const auto load = [&](std::uint16_t index) {
    return Bits(slot_.memory.Readable(config_.pages.At((index & mask) * kRequest), kRequest));
  };
  // The list begins with request 0. Which is next is known once that one is posted.
  const auto index = last_ ? static_cast<std::uint16_t>(load(*last_)[kNext]) : std::uint16_t{0};
  const Bits request = load(index);
  if (request.Size() == 0) return false;
  last_ = index;
  ++opened_;
  open_ = Open{.index = static_cast<std::uint16_t>(index & mask),
               .key = request.Word(kKey),
               .address = request.Long(kAddress)};
  return true;
}

Completion RxQueue::Describe(const Reception& received) const {
  const Headers& headers = received.headers;
  Completion completion;
  completion.queue = number_;
  completion.header_types = TypesOf(headers);
  if (received.hash) {
    completion.hash = received.hash->value;
    completion.hash_type = HashTypeOf(headers, *received.hash);
  }
  // The driver believes the sum of all behind the Ethernet header, and asks for verdicts only where
  // a frame is short (core/en_rx.c, mlx5e_handle_csum).
  if (!received.vouched) return completion;
  completion.checksum = InternetSum(Frame(received.packet.bytes).subspan(kEthernetHeader));
  if (headers.network != Network::kNone && received.ip != ChecksumVerdict::kBad) {
    completion.checks |= kNetworkChecked;
  }
  if (received.transport == ChecksumVerdict::kGood) completion.checks |= kTransportChecked;
  return completion;
}

}  // namespace vnic::mlx5
