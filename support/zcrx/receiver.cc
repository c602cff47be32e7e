#include "support/zcrx/receiver.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <limits>
#include <utility>

#include "support/base/kill_point.h"
#include "support/base/wait.h"
#include "support/net/listen.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

// Values of io_uring_cqe::user_data. Each stream has its own tag, from kFirstStream on, because
// completions of a request may arrive after its stream was given up.
enum Tag : uint64_t { kAccept = 1, kEvent = 2, kFirstStream = 3 };

// Nothing signals that the kernel has taken entries off a full refill ring, so check at this
// interval.
constexpr Deadline::Clock::duration kRefillLook = 2ms;
constexpr unsigned kSqEntries = 4;  // the completion queue must not be smaller

// Returns what the errno of a receive request means, for errnos with a meaning in zcrx.
std::string WhyReceiveFailed(int code) {
  switch (code) {
    case ENOMEM:
      return "data that did not arrive in place had to be copied, and the area has no free buffer";
    case EFAULT:
      return "data arrived in a buffer of another area or page pool";
    case ECONNRESET:
      return "the peer reset the connection";
    default:
      return {};
  }
}

Error Stalled(const std::string& operation) {
  return {operation, ETIMEDOUT,
          fmt::format("nothing has moved for {} s", Deadline::Stretched(Receiver::kStall).count())};
}

// Enables keepalive. A reset is sent only once, and is lost like any packet that finds no
// descriptor; a connection that is silent for a second then probes the peer, which resets it again.
Status KeepAlive(const UniqueFd& listener) {
  const int one = 1;  // on, and seconds
  const auto set = [&](int level, int option) {
    return setsockopt(listener.Get(), level, option, &one, sizeof(one)) == 0;
  };
  if (!set(SOL_SOCKET, SO_KEEPALIVE) || !set(IPPROTO_TCP, TCP_KEEPIDLE) ||
      !set(IPPROTO_TCP, TCP_KEEPINTVL)) {
    return FailErrno("set SO_KEEPALIVE");
  }
  return {};
}

}  // namespace

void Received::Count(uint64_t offset, uint32_t length) {
  areas = std::max(areas, (offset >> IORING_ZCRX_AREA_SHIFT) + 1);
  bytes += length;
  completions += 1;
  longest = std::max(longest, length);
  lengths.at(static_cast<size_t>(std::bit_width(length))) += 1;
}

Receiver::Receiver(Ring ring, Ifq ifq, UniqueFd listener, const SocketAddress& endpoint,
                   const ReceiverOptions& options)
    : ring_(std::move(ring)),
      ifq_(std::move(ifq)),
      listener_(std::move(listener)),
      endpoint_(endpoint),
      request_bytes_(options.request_bytes),
      return_buffers_(options.return_buffers),
      shuffle_(options.shuffle),
      cq_entries_(options.cq_entries),
      area_(options.ifq.area.kind),
      next_tag_(kFirstStream) {}

Result<Receiver> Receiver::Start(const ReceiverOptions& options) {
  // The port comes before the NIC: if it is taken, the queue is not touched.
  ZCRX_ASSIGN_OR_RETURN(UniqueFd listener, ListenOn(options.listen));
  // Connections inherit these options; the second one determines what their handshake announces.
  ZCRX_RETURN_IF_ERROR(KeepAlive(listener));
  if (options.receive_buffer != 0 &&
      setsockopt(listener.Get(), SOL_SOCKET, SO_RCVBUFFORCE, &options.receive_buffer,
                 sizeof(options.receive_buffer)) != 0) {
    return FailErrno("set SO_RCVBUFFORCE");
  }
  ZCRX_ASSIGN_OR_RETURN(const SocketAddress endpoint, SocketAddress::OfSocket(listener.Get()));
  ZCRX_ASSIGN_OR_RETURN(Ring ring, Ring::Create(kSqEntries, options.cq_entries));
  IfqOptions ifq_options = options.ifq;
  ifq_options.event_user_data = kEvent;
  ZCRX_ASSIGN_OR_RETURN(Ifq ifq, Ifq::Register(ring, ifq_options));
  return Receiver(std::move(ring), std::move(ifq), std::move(listener), endpoint, options);
}

Result<Received> Receiver::Collect(uint64_t bytes, StreamCheck check, Deadline deadline) {
  if (streams_.empty()) {
    Expect(bytes, std::move(check));
  } else {  // started by WaitForEvent()
    streams_.front().bytes = bytes;
    streams_.front().check = std::move(check);
  }
  ZCRX_ASSIGN_OR_RETURN(const std::vector<Received> all, CollectAll(deadline));
  return all.front();
}

Status Receiver::Accept(uint64_t bytes, StreamCheck check, Deadline deadline) {
  Expect(bytes, std::move(check));
  return RunUntil([&] { return streams_.back().connection.Valid(); }, "accept", deadline);
}

// SO_RCVLOWAT is what poll(2) goes by, and the request would: so it is 1 again afterwards.
Status Receiver::WaitUntilQueued(int bytes, Deadline deadline) {
  const std::string operation = fmt::format("wait until {} bytes are queued", bytes);
  const int connection = streams_.back().connection.Get();
  const auto set = [&](int low) {
    return setsockopt(connection, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)) == 0;
  };
  if (!set(bytes)) return GiveUp(FailErrno(operation).error());
  for (int before = -1, queued = 0;; before = queued) {
    if (ioctl(connection, FIONREAD, &queued) != 0) return GiveUp(FailErrno(operation).error());
    if (queued == before) return GiveUp(Stalled(operation));
    const auto ready = PollConnection(operation, POLLIN, deadline.Earlier(Deadline::In(kStall)));
    if (!ready) return GiveUp(ready.error());
    if (*ready) break;
    if (deadline.Expired()) return GiveUp(FailExpired(operation).error());
  }
  if (!set(1)) return GiveUp(FailErrno(operation).error());
  return {};
}

// poll(2) tells a reset (POLLHUP) without being asked for it.
Status Receiver::WaitUntilReset(Deadline deadline) {
  const std::string operation = "wait until the peer resets the connection";
  const auto ready = PollConnection(operation, 0, deadline);
  if (!ready) return GiveUp(ready.error());
  if (!*ready) return GiveUp(FailExpired(operation).error());
  return {};
}

Result<bool> Receiver::PollConnection(const std::string& operation, short events,
                                      Deadline deadline) const {
  pollfd connection = {.fd = streams_.back().connection.Get(), .events = events, .revents = 0};
  return PollUntil(operation, std::span(&connection, 1), deadline);
}

Status Receiver::Reach(uint64_t bytes, Deadline deadline) {
  const auto reached = [&](const Stream& stream) { return stream.received.bytes >= bytes; };
  const auto all = [&] {
    return std::ranges::all_of(
        streams_, [&](const Stream& stream) { return stream.ended || reached(stream); });
  };
  ZCRX_RETURN_IF_ERROR(RunUntil(all, "receive", deadline));
  if (std::ranges::all_of(streams_, reached)) return {};
  const std::string progress = Progress();
  CloseAll();
  return Fail("receive", 0, "a stream has ended: " + progress);
}

Result<std::vector<Received>> Receiver::CollectAll(Deadline deadline) {
  const auto ended = [&] { return std::ranges::all_of(streams_, &Stream::ended); };
  ZCRX_RETURN_IF_ERROR(RunUntil(ended, "receive", deadline));
  std::vector<Received> all;
  all.reserve(streams_.size());
  for (const Stream& stream : streams_) {
    if (stream.received.bytes != stream.bytes) {
      const std::string text =
          fmt::format("the stream ended after {} of {} bytes", stream.received.bytes, stream.bytes);
      CloseAll();
      return Fail("receive", 0, text);
    }
    all.push_back(Snapshot(stream.received));
  }
  CloseAll();
  return all;
}

Result<Received> Receiver::WaitForEvent(uapi::zcrx_event_type type, StreamCheck check,
                                        Deadline deadline, uint64_t times) {
  if (streams_.empty()) Expect(std::numeric_limits<uint64_t>::max(), std::move(check));
  ZCRX_RETURN_IF_ERROR(RunUntil([&] { return events_.at(type) >= times; },
                                fmt::format("wait for zcrx event {}", static_cast<uint32_t>(type)),
                                deadline, ENOMEM));
  return Snapshot(streams_.front().received);
}

void Receiver::ReturnBuffers() {
  return_buffers_ = true;
  shuffle_ = 0;
  ReturnKept();
}

void Receiver::ReturnKept() {
  for (const Buffer& buffer : kept_) ifq_.Return(buffer.data, buffer.length);
  kept_.clear();
  ifq_.Refill().Flush();
}

Result<UniqueFd> Receiver::LeaveRing() {
  ZCRX_ASSIGN_OR_RETURN(UniqueFd exported, ExportIfq(ring_, ifq_.Id()));
  ring_.Close();
  accepting_ = false;
  return exported;
}

Status Receiver::EnterRing(const UniqueFd& exported) {
  ZCRX_ASSIGN_OR_RETURN(ring_, Ring::Create(kSqEntries, cq_entries_));
  return ifq_.ContinueIn(ring_, exported);
}

void Receiver::Expect(uint64_t bytes, StreamCheck check) {
  streams_.push_back({.tag = next_tag_++, .bytes = bytes, .check = std::move(check)});
}

Status Receiver::WaitForSilence(Deadline::Clock::duration silence, Deadline deadline) {
  uint64_t moves = moves_;
  Deadline silent = Deadline::In(silence);
  while (!silent.Expired()) {
    if (deadline.Expired()) return GiveUp(FailExpired("wait until nothing moves").error());
    ZCRX_RETURN_IF_ERROR(TurnOrGiveUp(deadline.Earlier(silent), 0));
    if (std::exchange(moves, moves_) != moves_) silent = Deadline::In(silence);
  }
  return {};
}

Status Receiver::RunUntil(const std::function<bool()>& reached, const std::string& operation,
                          Deadline deadline, int tolerated) {
  Deadline stalled = Deadline::In(kStall);
  while (!reached()) {
    if (deadline.Expired()) return GiveUp(FailExpired(operation).error());
    if (stalled.Expired()) return GiveUp(Stalled(operation));
    const uint64_t moves = moves_;
    ZCRX_RETURN_IF_ERROR(TurnOrGiveUp(deadline.Earlier(stalled), tolerated));
    if (moves_ != moves) stalled = Deadline::In(kStall);
  }
  return {};
}

Status Receiver::TurnOrGiveUp(Deadline deadline, int tolerated) {
  if (Status turned = Turn(deadline); !turned) return GiveUp(std::move(turned).error());
  if (auto error = FirstError(tolerated)) return GiveUp(*std::move(error));
  return {};
}

Status Receiver::GiveUp(Error error) {
  error.detail += (error.detail.empty() ? "" : "; ") + Progress();
  CloseAll();
  return std::unexpected(std::move(error));
}

Status Receiver::Turn(Deadline deadline) {
  ZCRX_RETURN_IF_ERROR(QueueRequests());
  const bool look_again = ifq_.Refill().Kept() != 0;
  ZCRX_RETURN_IF_ERROR(ring_.SubmitAndWait(
      look_again ? deadline.Earlier(Deadline::Exactly(kRefillLook)) : deadline));
  ring_.Drain([&](const io_uring_cqe& cqe) { OnCompletion(cqe); });
  ifq_.Refill().Flush();
  return {};
}

Status Receiver::QueueRequests() {
  for (Stream& stream : streams_) {
    if (stream.ended || stream.broken.has_value() || stream.receiving) continue;
    if (!stream.connection.Valid()) {
      if (accepting_) continue;
      ZCRX_ASSIGN_OR_RETURN(io_uring_sqe* const sqe, ring_.NextSqe());
      io_uring_prep_accept(sqe, listener_.Get(), nullptr, nullptr, SOCK_CLOEXEC);
      sqe->user_data = kAccept;
      accepting_ = true;
      continue;
    }
    ZCRX_ASSIGN_OR_RETURN(io_uring_sqe* const sqe, ring_.NextSqe());
    PrepareReceive(*sqe, stream.connection.Get(), ifq_.Id(), request_bytes_, stream.tag);
    stream.receiving = true;
    stream.request_bytes = 0;
    ++stream.received.requests;
    ++total_.requests;
  }
  return {};
}

void Receiver::OnCompletion(const io_uring_cqe& cqe) {
  switch (cqe.user_data) {
    case kAccept:
      return OnAccept(cqe);
    case kEvent:
      return OnEvent(cqe);
    default:
      return OnReceive(cqe);
  }
}

void Receiver::OnAccept(const io_uring_cqe& cqe) {
  accepting_ = false;
  if (cqe.res < 0) return Break({"accept a connection on " + endpoint_.Text(), -cqe.res, ""});
  UniqueFd connection(cqe.res);
  const auto waiting = std::ranges::find_if(
      streams_, [](const Stream& stream) { return !stream.connection.Valid(); });
  if (waiting == streams_.end()) return;  // for a stream that was given up
  waiting->connection = std::move(connection);
  waiting->accepted = Deadline::Clock::now();
  ++moves_;
}

void Receiver::OnReceive(const io_uring_cqe& cqe) {
  const auto stream = std::ranges::find(streams_, cqe.user_data, &Stream::tag);
  if (stream == streams_.end()) {
    if (cqe.user_data >= next_tag_) {
      return Break({"receive", 0, fmt::format("unexpected completion ({})", cqe.user_data)});
    }
    if (cqe.res > 0) GiveBack({Ring::ZcrxPart(cqe), static_cast<uint32_t>(cqe.res)});
    return;
  }
  ++moves_;
  if (cqe.res > 0) OnData(*stream, Ring::ZcrxPart(cqe), static_cast<uint32_t>(cqe.res));
  if ((cqe.flags & IORING_CQE_F_MORE) == 0) OnRequestEnd(*stream, cqe.res);
}

void Receiver::OnData(Stream& stream, const uapi::io_uring_zcrx_cqe& data, uint32_t length) {
  if (stream.broken.has_value()) return;
  Received& received = stream.received;
  const auto bytes = ifq_.At(data, length);
  if (!bytes.has_value()) {
    stream.broken = bytes.error();
  } else if (Status right = stream.check(received.bytes, *bytes); !right.has_value()) {
    stream.broken = std::move(right).error();
  }
  if (stream.broken.has_value()) return;
  const uint64_t offset = received.bytes;
  received.Count(data.off, length);
  total_.Count(data.off, length);
  PassKillPoint("in", "transfer");
  stream.request_bytes += length;
  GiveBack({data, length, stream.tag, offset});
  if (received.bytes > stream.bytes) {
    stream.broken = {"receive", 0, "the stream continues beyond its end"};
  }
}

// Anything but the end of the stream lets QueueRequests() send the request again.
void Receiver::OnRequestEnd(Stream& stream, int result) {
  stream.receiving = false;
  if (result > 0) return;
  if (result == -ENOSPC) {  // the completion queue has been emptied by now
    ++stream.received.queue_full;
    ++total_.queue_full;
  } else if (result < 0) {
    if (!stream.broken) stream.broken = {"receive", -result, WhyReceiveFailed(-result)};
  } else if (request_bytes_ == 0 || stream.request_bytes < request_bytes_) {
    stream.ended = true;  // 0 before the limit: the peer's FIN
    stream.received.seconds = Deadline::Clock::now() - stream.accepted;
  }
}

void Receiver::OnEvent(const io_uring_cqe& cqe) {
  if (cqe.res < 0 || static_cast<size_t>(cqe.res) >= events_.size()) {
    return Break({"receive", 0, fmt::format("an event of unknown type {}", cqe.res)});
  }
  events_.at(static_cast<size_t>(cqe.res)) += 1;
  ++moves_;
}

void Receiver::GiveBack(const Buffer& buffer) {
  kept_.push_back(buffer);
  if (!return_buffers_ || kept_.size() <= shuffle_) return;
  std::swap(kept_[random_() % kept_.size()], kept_.back());
  if (shuffle_ != 0) CheckAgain(kept_.back());
  ifq_.Return(kept_.back().data, kept_.back().length);
  kept_.pop_back();
}

void Receiver::CheckAgain(const Buffer& buffer) {
  const auto stream = std::ranges::find(streams_, buffer.tag, &Stream::tag);
  if (stream == streams_.end() || stream->broken.has_value()) return;
  const auto bytes = ifq_.At(buffer.data, buffer.length);
  if (!bytes.has_value()) return;
  if (Status right = stream->check(buffer.offset, *bytes); !right.has_value()) {
    stream->broken = std::move(right).error();
    stream->broken->detail += "; they were right on arrival, and were written over since";
  }
}

void Receiver::Break(Error error) {
  if (!broken_.has_value()) broken_ = std::move(error);
}

std::optional<Error> Receiver::FirstError(int tolerated) const {
  if (broken_.has_value()) return broken_;
  for (const Stream& stream : streams_) {
    if (stream.broken.has_value() && (tolerated == 0 || stream.broken->code != tolerated)) {
      return stream.broken;
    }
  }
  return std::nullopt;
}

std::string Receiver::Progress() const {
  std::string text;
  for (const Stream& stream : streams_) {
    if (!text.empty()) text += ", ";
    text += stream.connection.Valid()
                ? fmt::format("{} of {} bytes had arrived", stream.received.bytes, stream.bytes)
                : "nobody connected to " + endpoint_.Text();
  }
  return text;
}

Received Receiver::Snapshot(Received received) const {
  received.events = events_;
  received.stats = ifq_.Stats();
  received.area = area_;
  received.area_bytes = AreaBytes();
  return received;
}

// A pending request keeps its connection open; shutdown(2) ends both.
void Receiver::CloseAll() {
  for (const Stream& stream : streams_) {
    if (stream.receiving) shutdown(stream.connection.Get(), SHUT_RDWR);
  }
  streams_.clear();
}

}  // namespace zcrx
