// The receiving end of a test: zcrx on a queue, a listening socket, its connections.
//
//   auto receiver = Receiver::Start(options);          // registered and listening
//   ... install the flow rule for receiver->Endpoint(), start the peer's sender ...
//   const auto check = [&](uint64_t offset, auto bytes) { return payload.Check(offset, bytes); };
//   auto received = receiver->Collect(kBytes, check, Deadline::In(5s));
//   received = receiver->WaitForEvent(uapi::ZCRX_EVENT_COPY, check, Deadline::In(1s));
//
// Several connections at once:
//
//   for (each) { ... start a sender ...; receiver->Accept(kBytes, check, deadline); }
//   auto all = receiver->CollectAll(deadline);         // in the order of Accept()
//
// Destruction closes the ring; the provider leaves the queue some time later, so wait for that
// before undoing what the NIC was set to.
//
// One thread makes and uses it: the ring has a single issuer.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"
#include "support/net/socket_address.h"
#include "support/zcrx/ifq.h"
#include "support/zcrx/ring.h"

namespace zcrx {

struct ReceiverOptions {
  IfqOptions ifq;
  SocketAddress listen;        // port 0: the kernel chooses, Endpoint() tells
  uint32_t request_bytes = 0;  // limit of each receive request (sqe->len), sent again until the
                               // stream ends: "oneshot". 0: one multishot request without limit
  bool return_buffers = true;  // false: kept until ReturnBuffers(), so the area runs dry
  size_t shuffle = 0;          // keeps so many, and with each further one gives back any of them
  unsigned cq_entries = 4096;
  int receive_buffer = 0;  // SO_RCVBUF of the connections, in bytes; 0: as the kernel has it
};

// What arrived. Events and statistics count from Start(), all else from the connection.
struct Received {
  uint64_t bytes = 0;
  uint64_t completions = 0;               // that carried data
  uint32_t longest = 0;                   // bytes in the longest completion
  std::array<uint64_t, 33> lengths = {};  // lengths[n]: completions of 2^(n-1) .. 2^n - 1 bytes
  uint64_t requests = 0;                  // receive requests that were needed
  uint64_t queue_full = 0;                // of these, after ENOSPC: the completion queue was full
  std::array<uint64_t, uapi::kEventTypes> events = {};  // by uapi::zcrx_event_type
  std::optional<uapi::zcrx_stats> stats = {};           // where options.ifq.stats asked for them
  AreaKind area = AreaKind::kPages;                     // what it arrived in
  uint64_t area_bytes = 0;
};

// Looks at bytes in place, `offset` bytes into the stream; its error ends the stream.
using StreamCheck =
    std::move_only_function<Status(uint64_t offset, std::span<const std::byte> bytes)>;

// Every wait ends at its deadline, and when nothing has moved for four seconds: TCP tries again
// 0.2, 0.6, 1.4 and 3 seconds after a loss, and what has not come by then does not come. Errors say
// how far the streams came; all connections are closed then.
class Receiver {
 public:
  static Result<Receiver> Start(const ReceiverOptions& options);

  [[nodiscard]] const SocketAddress& Endpoint() const { return endpoint_; }
  [[nodiscard]] uint32_t RxBufLen() const { return ifq_.RxBufLen(); }
  [[nodiscard]] size_t AreaBytes() const { return ifq_.Memory().Bytes().size(); }

  // Accepts a connection, unless there is one already, and receives until its end, which must come
  // after exactly `bytes`; then closes it, which is the sender's receipt.
  Result<Received> Collect(uint64_t bytes, StreamCheck check, Deadline deadline);
  // The same in parts. One more connection, which is to carry `bytes`:
  Status Accept(uint64_t bytes, StreamCheck check, Deadline deadline);
  // Until at least `bytes` have arrived on each of them:
  Status Reach(uint64_t bytes, Deadline deadline);
  // Until nothing has moved for `silence`: no connection, no data, no event. The connections stay.
  Status WaitForSilence(Deadline::Clock::duration silence, Deadline deadline);
  // Until the end of all; what each brought.
  Result<std::vector<Received>> CollectAll(Deadline deadline);
  // Until the kernel has told of `type`, accepting, receiving and checking meanwhile; at once when
  // it has told already. That the area runs out of buffers for copies (ENOMEM) ends the stream,
  // not the wait.
  Result<Received> WaitForEvent(uapi::zcrx_event_type type, StreamCheck check, Deadline deadline);

  // Gives back what has been kept, and from now on each buffer at once.
  void ReturnBuffers();
  [[nodiscard]] Status FlushRefillRing() const { return ifq_.FlushRefillRing(ring_); }
  [[nodiscard]] Status ArmEvent(uapi::zcrx_event_type type) const {
    return ifq_.ArmEvent(ring_, type);
  }
  [[nodiscard]] std::optional<uapi::zcrx_stats> Stats() const { return ifq_.Stats(); }
  // All connections since Start() together, those that failed too.
  [[nodiscard]] Received Total() const { return Snapshot(total_); }

 private:
  // A connection, from before it is accepted until all are collected.
  struct Stream {
    uint64_t tag;    // io_uring_cqe::user_data of its receive requests
    uint64_t bytes;  // that it is to carry
    StreamCheck check;
    UniqueFd connection = {};
    bool receiving = false;            // a receive request is in the kernel
    uint64_t request_bytes = 0;        // what that one has brought
    bool ended = false;                // the peer has closed its side
    std::optional<Error> broken = {};  // what ended it otherwise
    Received received = {};
  };
  struct Buffer {
    uapi::io_uring_zcrx_cqe data;
    uint32_t length;
  };

  Receiver(Ring ring, Ifq ifq, UniqueFd listener, const SocketAddress& endpoint,
           const ReceiverOptions& options);

  void Expect(uint64_t bytes, StreamCheck check);
  // Takes turns until `reached`. The first error of a stream ends it, but for `tolerated`.
  Status RunUntil(const std::function<bool()>& reached, const std::string& operation,
                  Deadline deadline, int tolerated = 0);
  // One Turn(). Its error or the first of a stream, but for `tolerated`, ends all.
  Status TurnOrGiveUp(Deadline deadline, int tolerated);
  // Closes all connections; the error says how far they came.
  Status GiveUp(Error error);
  // One round of the loop: queues the requests that are missing, waits, takes all completions.
  Status Turn(Deadline deadline);
  Status QueueRequests();
  void OnCompletion(const io_uring_cqe& cqe);
  void OnAccept(const io_uring_cqe& cqe);
  void OnReceive(const io_uring_cqe& cqe);
  void OnData(Stream& stream, const uapi::io_uring_zcrx_cqe& data, uint32_t length);
  void OnRequestEnd(Stream& stream, int result);
  void OnEvent(const io_uring_cqe& cqe);
  void GiveBack(const uapi::io_uring_zcrx_cqe& data, uint32_t length);
  void Break(Error error);
  [[nodiscard]] std::optional<Error> FirstError(int tolerated) const;
  [[nodiscard]] std::string Progress() const;
  [[nodiscard]] Received Snapshot(Received received) const;
  void CloseAll();

  Ring ring_;
  Ifq ifq_;
  UniqueFd listener_;
  SocketAddress endpoint_;
  uint32_t request_bytes_;
  bool return_buffers_;
  size_t shuffle_;
  AreaKind area_;
  Received total_;
  std::vector<Buffer> kept_;  // by the application
  std::minstd_rand random_;   // unseeded: every run gives back in the same order
  bool accepting_ = false;    // an accept request is in the kernel
  uint64_t next_tag_;
  uint64_t moves_ = 0;           // connections, completions with data, ends and events so far
  std::optional<Error> broken_;  // what ended all of it
  std::array<uint64_t, uapi::kEventTypes> events_ = {};
  std::vector<Stream> streams_;
};

}  // namespace zcrx
