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
// The destructor closes the ring. The memory provider leaves the queue some time later: wait for
// that before restoring the NIC's settings.
//
// Must be created and used by a single thread, because the ring is SINGLE_ISSUER.
#pragma once

#include <array>
#include <chrono>
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
  SocketAddress listen;  // port 0: chosen by the kernel, see Endpoint()
  // Limit of each receive request in bytes (sqe->len); requests are sent again until the stream
  // ends ("oneshot"). 0: one multishot request without a limit.
  uint32_t request_bytes = 0;
  // false: buffers are kept until ReturnBuffers(), so that the area runs dry.
  bool return_buffers = true;
  // Number of buffers to keep. For each further one, a random one of them is checked again, as
  // nobody else may have written to it, and returned.
  size_t shuffle = 0;
  unsigned cq_entries = 4096;
  // SO_RCVBUFFORCE of the connections, in bytes: net.core.rmem_max does not limit it. 0: the
  // kernel's default.
  int receive_buffer = 0;
};

// What arrived. Events and statistics count from Start(), everything else per connection.
struct Received {
  uint64_t bytes = 0;
  uint64_t completions = 0;               // those with data
  uint32_t longest = 0;                   // bytes in the longest completion
  std::array<uint64_t, 33> lengths = {};  // lengths[n]: completions of 2^(n-1) .. 2^n - 1 bytes
  uint64_t requests = 0;                  // receive requests sent
  uint64_t queue_full = 0;                // those ended by ENOSPC: the completion queue was full
  std::array<uint64_t, uapi::kEventTypes> events = {};  // by uapi::zcrx_event_type
  std::optional<uapi::zcrx_stats> stats = {};           // with options.ifq.stats
  AreaKind area = AreaKind::kPages;                     // kind of the area
  uint64_t areas = 1;                                   // up to the last one that data came in
  uint64_t area_bytes = 0;
  std::chrono::duration<double> seconds{};  // from the connection until its end, all checked

  // Counts a completion with data: its offset and its bytes.
  void Count(uint64_t offset, uint32_t length);
};

// Checks bytes in place, `offset` bytes into the stream. An error ends the stream.
using StreamCheck =
    std::move_only_function<Status(uint64_t offset, std::span<const std::byte> bytes)>;

// Every wait ends at its deadline, or after four seconds in which nothing moved: TCP retransmits
// 0.2, 0.6, 1.4 and 3 seconds after a loss, and data that has not arrived by then will not arrive.
// Errors say how far each stream came; all connections are then closed.
class Receiver {
 public:
  static Result<Receiver> Start(const ReceiverOptions& options);

  [[nodiscard]] const SocketAddress& Endpoint() const { return endpoint_; }
  [[nodiscard]] uint32_t RxBufLen() const { return ifq_.RxBufLen(); }
  [[nodiscard]] size_t AreaBytes() const { return ifq_.AreaBytes(); }

  // A stream on which nothing moves for so long is given up, whatever the deadline.
  static constexpr std::chrono::seconds kStall{4};
  // Accepts a connection, unless there already is one, and receives until its end. Fails unless the
  // end comes after exactly `bytes`. Closes the connection, which the sender takes as its receipt.
  Result<Received> Collect(uint64_t bytes, StreamCheck check, Deadline deadline);
  // Accepts one more connection, which is to carry `bytes`. Accept(), Reach() and CollectAll() are
  // Collect() in steps.
  Status Accept(uint64_t bytes, StreamCheck check, Deadline deadline);
  // Returns the socket of the connection that was accepted last, while its stream is under way.
  [[nodiscard]] const UniqueFd& Connection() const { return streams_.back().connection; }
  // Waits until `bytes` are queued in the socket of the connection that was just accepted, as long
  // as more of them come. Nothing receives them before the next call.
  Status WaitUntilQueued(int bytes, Deadline deadline);
  // Waits until the peer has reset that connection. Nothing receives meanwhile.
  Status WaitUntilReset(Deadline deadline);
  // Waits until at least `bytes` have arrived on each connection. Fails if one ends earlier.
  Status Reach(uint64_t bytes, Deadline deadline);
  // Waits until nothing has moved for `silence`: no connection, no data, no event. The connections
  // stay open.
  Status WaitForSilence(Deadline::Clock::duration silence, Deadline deadline);
  // Waits for the end of all connections. Returns what arrived on each.
  Result<std::vector<Received>> CollectAll(Deadline deadline);
  // Waits for an event of `type`, accepting, receiving and checking meanwhile; returns at once if
  // it has already fired so many times. ENOMEM (no free buffer in the area to copy to) ends a
  // stream, but not the wait.
  Result<Received> WaitForEvent(uapi::zcrx_event_type type, StreamCheck check, Deadline deadline,
                                uint64_t times = 1);

  // Returns the kept buffers; from now on each buffer at once, or as before.
  void ReturnBuffers();
  void ReturnKept();
  // Adds an area (7.3): Ifq::AddArea().
  Status AddArea(const AreaOptions& options) { return ifq_.AddArea(ring_, options); }
  // Closes the ring, while no stream is under way. Only what is returned keeps the registration.
  Result<UniqueFd> LeaveRing();
  // Goes on in a ring of its own, which imports what LeaveRing() returned.
  Status EnterRing(const UniqueFd& exported);
  [[nodiscard]] Status FlushRefillRing() const { return ifq_.FlushRefillRing(ring_); }
  [[nodiscard]] Status ArmEvent(uapi::zcrx_event_type type) const {
    return ifq_.ArmEvent(ring_, type);
  }
  [[nodiscard]] std::optional<uapi::zcrx_stats> Stats() const { return ifq_.Stats(); }
  // Returns the sum of all connections since Start(), including failed ones.
  [[nodiscard]] Received Total() const { return Snapshot(total_); }

 private:
  // A connection, from before it is accepted until CollectAll() or an error.
  struct Stream {
    uint64_t tag;    // io_uring_cqe::user_data of its receive requests
    uint64_t bytes;  // expected
    StreamCheck check;
    UniqueFd connection = {};
    Deadline::Clock::time_point accepted = {};
    bool receiving = false;            // a receive request is in the kernel
    uint64_t request_bytes = 0;        // received by that request
    bool ended = false;                // the peer has closed its side
    std::optional<Error> broken = {};  // any other reason for its end
    Received received = {};
  };
  struct Buffer {
    uapi::io_uring_zcrx_cqe data;
    uint32_t length;
    uint64_t tag = 0;  // of its stream
    uint64_t offset = 0;
  };

  Receiver(Ring ring, Ifq ifq, UniqueFd listener, const SocketAddress& endpoint,
           const ReceiverOptions& options);

  void Expect(uint64_t bytes, StreamCheck check);
  // Calls Turn() until `reached`. Fails with the first error of a stream, unless its code is
  // `tolerated`.
  Status RunUntil(const std::function<bool()>& reached, const std::string& operation,
                  Deadline deadline, int tolerated = 0);
  // Calls Turn() once. Its error, or the first one of a stream whose code is not `tolerated`, ends
  // all connections.
  Status TurnOrGiveUp(Deadline deadline, int tolerated);
  // Waits for `events`, as poll(2), on the connection that was accepted last. Returns false if the
  // deadline passes first.
  [[nodiscard]] Result<bool> PollConnection(const std::string& operation, short events,
                                            Deadline deadline) const;
  // Closes all connections and returns `error` with their progress added.
  Status GiveUp(Error error);
  // Runs one round of the loop: queues missing requests, waits, handles all completions.
  Status Turn(Deadline deadline);
  Status QueueRequests();
  void OnCompletion(const io_uring_cqe& cqe);
  void OnAccept(const io_uring_cqe& cqe);
  void OnReceive(const io_uring_cqe& cqe);
  void OnData(Stream& stream, const uapi::io_uring_zcrx_cqe& data, uint32_t length);
  void OnRequestEnd(Stream& stream, int result);
  void OnEvent(const io_uring_cqe& cqe);
  void GiveBack(const Buffer& buffer);
  void CheckAgain(const Buffer& buffer);
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
  unsigned cq_entries_;
  AreaKind area_;
  Received total_;
  std::vector<Buffer> kept_;  // buffers not returned yet
  std::minstd_rand random_;   // unseeded: the same order in every run
  bool accepting_ = false;    // an accept request is in the kernel
  uint64_t next_tag_;
  uint64_t moves_ = 0;           // connections, completions of receive requests and events so far
  std::optional<Error> broken_;  // an error of the whole receiver
  std::array<uint64_t, uapi::kEventTypes> events_ = {};
  std::vector<Stream> streams_;
};

}  // namespace zcrx
