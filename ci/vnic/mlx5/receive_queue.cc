#include "ci/vnic/mlx5/receive_queue.h"

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

// The driver finds IP and TCP headers of merged packets by their usual sizes (core/en_rx.c,
// mlx5e_shampo_update_hdr).
bool HasPlainHeaders(const Headers& headers) {
  const std::size_t ip = headers.network == Network::kIpv4 ? kIpv4MinHeader : kIpv6Header;
  return headers.transport == Transport::kTcp && headers.network_offset == kEthernetHeader &&
         headers.transport_offset - headers.network_offset == ip;
}

}  // namespace

zcrx::Result<ReceiveQueue> ReceiveQueue::Make(const Parts& parts, std::uint32_t number,
                                              Bits request) {
  ReceiveQueue queue(parts);
  queue.number_ = number;
  queue.completion_queue_ = request[kCompletionQueue];
  queue.counter_set_ = static_cast<std::uint8_t>(request[kCounterSet]);
  if (request[kType] != kLinkedStriding) return queue;
  const auto wrong = [](std::string reason) {
    return zcrx::Fail("make a receive queue", EINVAL, std::move(reason));
  };
  queue.log_size_ = request[kLogSize];
  if (queue.log_size_ > kMostLogSize || request[kLogRequest] != kLogLinkedWqe) {
    return wrong(fmt::format("2^{} requests of 2^{} bytes", queue.log_size_, request[kLogRequest]));
  }
  queue.doorbell_record_ = request.Long(kDoorbellRecord);
  ZCRX_ASSIGN_OR_RETURN(queue.pages_, RingPages::Open(request.From(kPages), request[kLogPageSize],
                                                      kRequest << queue.log_size_));
  // Signed.
  const int log_strides = static_cast<int>(request[kLogStrides] ^ 8U) - 8 + kLogStridesBase;
  queue.strides_ = 1U << static_cast<unsigned>(log_strides);
  queue.log_stride_ = request[kLogStride] + kLogStrideBase;
  queue.splits_ = request.Has(kSplits);
  if (!queue.splits_) return queue;
  queue.header_key_ = request[kHeaderKey];
  queue.log_header_entry_ = request[kLogHeaderEntry] + kLogHeaderEntryBase;
  queue.log_header_entries_ = request[kLogHeaderEntries];
  queue.log_reservation_ = request[kLogReservation] + kLogReservationBase;
  const std::uint32_t reservations =
      std::max<std::uint32_t>(1, queue.strides_ << queue.log_stride_ >> queue.log_reservation_);
  queue.headers_each_ = reservations << request[kLogPacketsPerReservation];
  return queue;
}

std::size_t ReceiveQueue::SplitAt(const Headers& headers) const {
  const std::size_t room = std::min<std::size_t>(kMaxHeader, std::size_t{1} << log_header_entry_);
  const bool split =
      splits_ && headers.transport == Transport::kTcp && headers.payload_offset <= room;
  return split ? headers.payload_offset : 0;
}

std::uint32_t ReceiveQueue::Receive(std::span<const Incoming> frames) {
  const auto completions = parts_.completions.Find(completion_queue_);
  if (!ready_ || !Takes() || completions == nullptr) return 0;
  std::uint32_t lost = 0;
  while (!frames.empty()) {
    // Room for a completion of the frame and one of a filler. Each turn takes a frame, or opens a
    // request that is empty.
    const bool taken = completions->Room() >= 2 && (open_ || OpenNext(*completions));
    std::size_t session = taken ? SessionOf(frames) : 0;
    if (session == 0) {
      const bool begun = taken && (open_->used > 0 || open_->headers > 0);
      if (begun && OpenNext(*completions)) continue;
      if (taken && !begun) {  // the frame is larger than a request
        ++parts_.counters.refused;
      } else {
        ++parts_.counters.no_buffers;
        ++lost;
      }
      frames = frames.subspan(1);
      continue;
    }
    session = std::min<std::size_t>(session, completions->Room() - 1);
    Place place{.offset = open_->used << log_stride_};
    for (std::size_t i = 0; i < session; ++i) {
      const Incoming& in = frames[i];
      place.header = SplitAt(in.headers);
      const std::size_t payload = in.frame.size() - place.header;
      place.strides = StridesFor(place.offset + payload) - StridesFor(place.offset);
      place.match = i > 0;
      place.flush = i + 1 == session;
      if (!Deliver(in, place, *completions)) return lost;
      place.offset += static_cast<std::uint32_t>(payload);
    }
    frames = frames.subspan(session);
  }
  return lost;
}

std::size_t ReceiveQueue::SessionOf(std::span<const Incoming> frames) const {
  const std::size_t begin = open_->used << log_stride_;
  const std::size_t whole = std::size_t{strides_} << log_stride_;
  std::size_t count = 0;
  std::size_t end = begin;
  for (const Incoming& in : frames) {
    // A request is the driver's again once all its strides have begun, whatever the last one holds.
    if (count > 0 && StridesFor(end) == strides_) break;
    const std::size_t header = SplitAt(in.headers);
    end += in.frame.size() - header;
    if (end > whole) break;
    if (header != 0 && open_->headers + count >= headers_each_) break;
    // The first frame may cross a reservation, those that follow it are within the same.
    if (count > 0 && begin >> log_reservation_ != (end - 1) >> log_reservation_) break;
    ++count;
    if (!splits_ || header == 0 || !HasPlainHeaders(in.headers)) break;
  }
  return count;
}

bool ReceiveQueue::OpenNext(CompletionQueue& completions) {
  if (open_) {
    // A request is given back once all its strides are accounted for.
    Completion filler;
    filler.wqe = open_->index;
    filler.queue = number_;
    filler.counter = static_cast<std::uint16_t>(open_->used);
    filler.bytes_and_strides = kFiller | (strides_ - open_->used) << kStridesShift;
    if (!completions.Post(CompletionCode::kReceive, filler)) return false;
    ++parts_.counters.fillers;
    open_.reset();
  }
  const auto posted = parts_.slot.memory.Load<Be32>(doorbell_record_);
  if (!posted || static_cast<std::uint16_t>(*posted) == opened_) return false;
  const auto load = [&](std::uint16_t index) {
    const std::uint64_t at = (index & ((1U << log_size_) - 1)) * kRequest;
    return Bits(parts_.slot.memory.Readable(pages_.At(at), kRequest));
  };
  // The list begins with request 0. Which is next is known once that one is posted.
  const auto index = last_ ? static_cast<std::uint16_t>(load(*last_)[kNext]) : std::uint16_t{0};
  const Bits request = load(index);
  if (request.Size() == 0) return false;
  last_ = index;
  ++opened_;
  open_ = Open{.index = static_cast<std::uint16_t>(index & ((1U << log_size_) - 1)),
               .key = request.Word(kKey),
               .address = request.Long(kAddress)};
  return true;
}

bool ReceiveQueue::Deliver(const Incoming& in, const Place& place, CompletionQueue& completions) {
  const Frame header = in.frame.first(place.header);
  const Frame payload = in.frame.subspan(place.header);
  const std::uint64_t entry = std::uint64_t{next_header_} << log_header_entry_;
  const bool written = parts_.keys.Write(header_key_, entry, header) &&
                       parts_.keys.Write(open_->key, open_->address + place.offset, payload);
  if (!written) {
    ++parts_.counters.refused;
    parts_.slot.log.Refused("mlx5: receive queue {}: request {} of key {:#x} is not in memory",
                            number_, open_->index, open_->key);
    return false;
  }
  Completion completion = Describe(in);
  completion.wqe = open_->index;
  completion.counter = static_cast<std::uint16_t>(place.offset >> log_stride_);
  completion.bytes_and_strides =
      place.strides << kStridesShift | static_cast<std::uint32_t>(in.frame.size());
  if (splits_) {
    completion.session =
        static_cast<std::uint8_t>((place.match ? kMatch : 0U) | (place.flush ? kFlush : 0U));
    completion.header_size = static_cast<std::uint8_t>(place.header);
    completion.header_entry = static_cast<std::uint16_t>(next_header_);
    completion.data_offset = place.offset;
  }
  if (!completions.Post(CompletionCode::kReceive, completion)) return false;
  ++parts_.counters.packets;
  parts_.counters.bytes += in.frame.size();
  if (place.header != 0) {
    ++parts_.counters.split;
    ++open_->headers;
    next_header_ = (next_header_ + 1) & ((1U << log_header_entries_) - 1);
  }
  if (place.match) ++parts_.counters.merged;
  open_->used += place.strides;
  if (open_->used >= strides_) open_.reset();
  return true;
}

Completion ReceiveQueue::Describe(const Incoming& in) const {
  Completion completion;
  completion.queue = number_;
  completion.header_types = TypesOf(in.headers);
  if (in.hash) {
    completion.hash = in.hash->value;
    completion.hash_type = in.hash->type;
  }
  // All behind the Ethernet header: en_rx.c, mlx5e_handle_csum ("CQE csum covers all received
  // bytes").
  completion.checksum = InternetSum(in.frame.subspan(kEthernetHeader));
  const auto network = VerifyIpv4Checksum(in.frame, in.headers);
  const auto transport = VerifyTransportChecksum(in.frame, in.headers);
  if (network == ChecksumVerdict::kBad || transport == ChecksumVerdict::kBad) {
    ++parts_.counters.bad_checksum;
  }
  if (in.headers.network != Network::kNone && network != ChecksumVerdict::kBad) {
    completion.checks |= kNetworkChecked;
  }
  if (transport == ChecksumVerdict::kGood) completion.checks |= kTransportChecked;
  return completion;
}

}  // namespace vnic::mlx5
