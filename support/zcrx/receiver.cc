#include "support/zcrx/receiver.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <utility>

namespace zcrx {
namespace {

using namespace std::chrono_literals;

// io_uring_cqe::user_data
enum Tag : uint64_t { kAccept = 1, kReceive = 2, kEvent = 3 };

// Nothing tells that the kernel has taken entries off a full refill ring: look again this often.
constexpr Deadline::Clock::duration kRefillLook = 2ms;

Result<UniqueFd> Listen(const SocketAddress& address) {
  const std::string operation = "listen on " + address.Text();
  UniqueFd listener(socket(address.Family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener.Valid()) return FailErrno(operation);
  const int on = 1;
  if (setsockopt(listener.Get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) {
    return FailErrno(operation);
  }
  if (bind(listener.Get(), address.Get(), address.Length()) != 0) {
    const int code = errno;
    return Fail(operation, code,
                code == EADDRNOTAVAIL ? "this machine does not have the address, or is still "
                                        "checking that nobody else has"
                                      : "");
  }
  if (listen(listener.Get(), 1) != 0) return FailErrno(operation);
  return listener;
}

// What the errno of a receive request means, where it is zcrx's own.
std::string WhyReceiveFailed(int code) {
  switch (code) {
    case ENOMEM:
      return "data that did not arrive in place had to be copied, and the area has no free buffer";
    case EFAULT:
      return "data arrived in a buffer of someone else's area or page pool";
    case ECONNRESET:
      return "the peer broke the connection off";
    default:
      return {};
  }
}

}  // namespace

Receiver::Receiver(Ring ring, Ifq ifq, UniqueFd listener, const SocketAddress& endpoint,
                   const ReceiverOptions& options)
    : ring_(std::move(ring)),
      ifq_(std::move(ifq)),
      listener_(std::move(listener)),
      endpoint_(endpoint),
      request_bytes_(options.request_bytes),
      return_buffers_(options.return_buffers) {}

Result<Receiver> Receiver::Start(const ReceiverOptions& options) {
  // The port before the NIC: a port that is taken leaves the queue alone.
  ZCRX_ASSIGN_OR_RETURN(UniqueFd listener, Listen(options.listen));
  ZCRX_ASSIGN_OR_RETURN(const SocketAddress endpoint, SocketAddress::OfSocket(listener.Get()));
  ZCRX_ASSIGN_OR_RETURN(Ring ring, Ring::Create(8, options.cq_entries));
  IfqOptions ifq_options = options.ifq;
  ifq_options.event_user_data = kEvent;
  ZCRX_ASSIGN_OR_RETURN(Ifq ifq, Ifq::Register(ring, ifq_options));
  return Receiver(std::move(ring), std::move(ifq), std::move(listener), endpoint, options);
}

Result<Received> Receiver::Collect(uint64_t bytes, StreamCheck check, Deadline deadline) {
  while (!stream_.ended) {
    ZCRX_ASSIGN_OR_RETURN(const bool in_time, Turn(check, deadline));
    if (stream_.broken.has_value()) {
      Error error = *stream_.broken;
      error.detail += (error.detail.empty() ? "" : "; ") + Progress(bytes);
      return std::unexpected(std::move(error));
    }
    if (received_.bytes > bytes) {
      return Fail(
          "receive", 0,
          fmt::format("the stream goes on after {} bytes, at least to {}", bytes, received_.bytes));
    }
    if (!in_time) return Fail("receive", ETIMEDOUT, Progress(bytes));
  }
  if (received_.bytes != bytes) {
    return Fail("receive", 0,
                fmt::format("the stream ended after {} of {} bytes", received_.bytes, bytes));
  }
  const Received result = Snapshot();
  connection_.Reset();
  stream_ = {};
  received_ = {};
  received_.events = result.events;
  return result;
}

Result<Received> Receiver::WaitForEvent(uapi::EventType type, StreamCheck check,
                                        Deadline deadline) {
  while (received_.events.at(type) == 0) {
    ZCRX_ASSIGN_OR_RETURN(const bool in_time, Turn(check, deadline));
    const bool ran_dry = stream_.broken.has_value() && stream_.broken->code == ENOMEM;
    if (stream_.broken.has_value() && !ran_dry) return std::unexpected(*stream_.broken);
    if (!in_time) {
      return Fail(fmt::format("wait for zcrx event {}", static_cast<uint32_t>(type)), ETIMEDOUT,
                  fmt::format("{} bytes had arrived{}", received_.bytes,
                              ran_dry ? "; " + stream_.broken->Text() : ""));
    }
  }
  return Snapshot();
}

Result<bool> Receiver::Turn(StreamCheck& check, Deadline deadline) {
  ZCRX_RETURN_IF_ERROR(QueueRequests());
  const bool look_again = ifq_.Refill().Kept() != 0;
  const Deadline until = look_again ? deadline.Earlier(Deadline::In(kRefillLook)) : deadline;
  ZCRX_ASSIGN_OR_RETURN(const bool completed, ring_.SubmitAndWait(until));
  ring_.Drain([&](const io_uring_cqe& cqe) {
    switch (cqe.user_data) {
      case kAccept:
        return OnAccept(cqe);
      case kReceive:
        return OnReceive(cqe, check);
      case kEvent:
        return OnEvent(cqe);
      default:
        return Break(
            {"receive", 0, fmt::format("a completion nobody asked for ({})", cqe.user_data)});
    }
  });
  ifq_.Refill().Flush();
  return completed || !deadline.Expired();
}

Status Receiver::QueueRequests() {
  if (stream_.ended || stream_.broken.has_value()) return {};
  if (!connection_.Valid()) {
    if (accepting_) return {};
    ZCRX_ASSIGN_OR_RETURN(io_uring_sqe* const sqe, ring_.NextSqe());
    io_uring_prep_accept(sqe, listener_.Get(), nullptr, nullptr, SOCK_CLOEXEC);
    sqe->user_data = kAccept;
    accepting_ = true;
    return {};
  }
  if (stream_.receiving) return {};
  // RECV_ZC is always multishot, and takes nothing but these fields (io_recvzc_prep() in
  // io_uring/net.c); a limit in len makes it end after so many bytes.
  ZCRX_ASSIGN_OR_RETURN(io_uring_sqe* const sqe, ring_.NextSqe());
  io_uring_prep_rw(uapi::kOpRecvZc, sqe, connection_.Get(), nullptr, request_bytes_, 0);
  sqe->ioprio = uapi::kRecvMultishot;
  sqe->file_index = ifq_.Id();  // shares its place with zcrx_ifq_idx
  sqe->user_data = kReceive;
  stream_.receiving = true;
  stream_.request_bytes = 0;
  ++received_.requests;
  return {};
}

void Receiver::OnAccept(const io_uring_cqe& cqe) {
  accepting_ = false;
  if (cqe.res < 0) return Break({"accept a connection on " + endpoint_.Text(), -cqe.res, ""});
  connection_.Reset(cqe.res);
}

void Receiver::OnReceive(const io_uring_cqe& cqe, StreamCheck& check) {
  if (cqe.res > 0) OnData(Ring::ZcrxPart(cqe), static_cast<uint32_t>(cqe.res), check);
  if ((cqe.flags & IORING_CQE_F_MORE) == 0) OnRequestEnd(cqe.res);
}

void Receiver::OnData(const uapi::ZcrxCqe& data, uint32_t length, StreamCheck& check) {
  if (stream_.broken.has_value()) return;
  const auto bytes = ifq_.At(data, length);
  if (!bytes.has_value()) return Break(bytes.error());
  if (const Status status = check(received_.bytes, *bytes); !status.has_value()) {
    return Break(status.error());
  }
  received_.bytes += length;
  received_.completions += 1;
  received_.longest = std::max(received_.longest, length);
  received_.lengths.at(static_cast<size_t>(std::bit_width(length))) += 1;
  stream_.request_bytes += length;
  if (return_buffers_) ifq_.Return(data, length);
}

// What is not an end of the stream lets QueueRequests() send the request again.
void Receiver::OnRequestEnd(int result) {
  stream_.receiving = false;
  if (result > 0) return;
  if (result == -ENOSPC) {  // by then the completion queue has been emptied
    ++received_.queue_full;
  } else if (result < 0) {
    Break({"receive", -result, WhyReceiveFailed(-result)});
  } else if (request_bytes_ == 0 || stream_.request_bytes < request_bytes_) {
    stream_.ended = true;  // 0 before the limit is the peer's FIN
  }
}

void Receiver::OnEvent(const io_uring_cqe& cqe) {
  if (cqe.res < 0 || static_cast<size_t>(cqe.res) >= received_.events.size()) {
    return Break({"receive", 0, fmt::format("an event of unknown type {}", cqe.res)});
  }
  received_.events.at(static_cast<size_t>(cqe.res)) += 1;
}

void Receiver::Break(Error error) {
  if (!stream_.broken.has_value()) stream_.broken = std::move(error);
}

std::string Receiver::Progress(uint64_t expected) const {
  if (!connection_.Valid()) return "nobody connected to " + endpoint_.Text();
  return fmt::format("{} of {} bytes had arrived", received_.bytes, expected);
}

Received Receiver::Snapshot() const {
  Received result = received_;
  result.stats = ifq_.Stats();
  return result;
}

}  // namespace zcrx
