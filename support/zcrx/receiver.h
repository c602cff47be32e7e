// The receiving end of a test: zcrx on a queue, a listening socket, one connection at a time.
//
//   auto receiver = Receiver::Start(options);          // registered and listening
//   ... install the flow rule for receiver->Endpoint(), start the peer's sender ...
//   const auto check = [&](uint64_t offset, auto bytes) { return payload.Check(offset, bytes); };
//   auto received = receiver->Collect(kBytes, check, Deadline::In(5s));
//   received = receiver->WaitForEvent(uapi::kEventCopy, check, Deadline::In(1s));
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
#include <span>
#include <string>

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
  bool return_buffers = true;  // false: nothing is given back, so the area runs dry
  unsigned cq_entries = 4096;
};

// What arrived. Events and statistics count from Start(), all else from the connection.
struct Received {
  uint64_t bytes = 0;
  uint64_t completions = 0;               // that carried data
  uint32_t longest = 0;                   // bytes in the longest completion
  std::array<uint64_t, 33> lengths = {};  // lengths[n]: completions of 2^(n-1) .. 2^n - 1 bytes
  uint64_t requests = 0;                  // receive requests that were needed
  uint64_t queue_full = 0;                // of these, after ENOSPC: the completion queue was full
  std::array<uint64_t, uapi::kEventTypes> events = {};  // by uapi::EventType
  std::optional<uapi::Stats> stats;                     // where options.ifq.stats asked for them
};

// Looks at bytes in place, `offset` bytes into the stream; its error ends the Collect().
using StreamCheck =
    std::move_only_function<Status(uint64_t offset, std::span<const std::byte> bytes)>;

class Receiver {
 public:
  static Result<Receiver> Start(const ReceiverOptions& options);

  [[nodiscard]] const SocketAddress& Endpoint() const { return endpoint_; }
  [[nodiscard]] uint32_t RxBufLen() const { return ifq_.RxBufLen(); }

  // Accepts one connection and receives until its end, which must come after exactly `bytes`;
  // then closes it, which is the sender's receipt. Errors say how far the stream came.
  Result<Received> Collect(uint64_t bytes, StreamCheck check, Deadline deadline);
  // Until the kernel has told of `type`, accepting, receiving and checking meanwhile; at once when
  // it has told already. That the area runs out of buffers for copies (ENOMEM) ends the stream,
  // not the wait.
  Result<Received> WaitForEvent(uapi::EventType type, StreamCheck check, Deadline deadline);

  [[nodiscard]] Status FlushRefillRing() const { return ifq_.FlushRefillRing(ring_); }
  [[nodiscard]] Status ArmEvent(uapi::EventType type) const { return ifq_.ArmEvent(ring_, type); }
  [[nodiscard]] std::optional<uapi::Stats> Stats() const { return ifq_.Stats(); }

 private:
  Receiver(Ring ring, Ifq ifq, UniqueFd listener, const SocketAddress& endpoint,
           const ReceiverOptions& options);

  // One round of the loop: queues the requests that are missing, waits, takes all completions.
  // False when the deadline came before a completion.
  Result<bool> Turn(StreamCheck& check, Deadline deadline);
  Status QueueRequests();
  void OnAccept(const io_uring_cqe& cqe);
  void OnReceive(const io_uring_cqe& cqe, StreamCheck& check);
  void OnData(const uapi::ZcrxCqe& data, uint32_t length, StreamCheck& check);
  void OnRequestEnd(int result);
  void OnEvent(const io_uring_cqe& cqe);
  void Break(Error error);
  [[nodiscard]] std::string Progress(uint64_t expected) const;
  [[nodiscard]] Received Snapshot() const;

  // Where the connection stands; a new one with each Collect().
  struct Stream {
    bool receiving = false;       // a receive request is in the kernel
    uint64_t request_bytes = 0;   // what it has brought
    bool ended = false;           // the peer has closed its side
    std::optional<Error> broken;  // what ended it otherwise
  };

  Ring ring_;
  Ifq ifq_;
  UniqueFd listener_;
  UniqueFd connection_;
  SocketAddress endpoint_;
  uint32_t request_bytes_;
  bool return_buffers_;
  bool accepting_ = false;  // an accept request is in the kernel
  Stream stream_;
  Received received_;
};

}  // namespace zcrx
