// Send queues: packets for the cable, and requests that change memory keys
// (Linux core/en_tx.c, en/txrx.h; include/linux/mlx5/qp.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ci/vnic/device/nic.h"
#include "ci/vnic/mlx5/completion_queue.h"
#include "ci/vnic/mlx5/memory_keys.h"
#include "ci/vnic/net/tx_packet.h"

namespace vnic::mlx5 {

struct SendCounters {
  std::uint64_t packets = 0;  // a burst is one
  std::uint64_t bytes = 0;
  std::uint64_t refused = 0;
  std::uint64_t key_updates = 0;
};

class SendQueue {
 public:
  // What it works with; all of it outlives the queue.
  struct Parts {
    const NicSlot& slot;
    MemoryKeys& keys;
    const ObjectTable<CompletionQueue>& completions;
    SendCounters& counters;
  };

  // Of a CREATE_SQ. Fails with EINVAL.
  static zcrx::Result<SendQueue> Make(const Parts& parts, std::uint32_t number, Bits request);

  void SetReady(bool ready) { ready_ = ready; }
  // Takes all requests up to the count in the doorbell record.
  void Doorbell();

 private:
  // A request, whole: up to 63 units of 16 bytes.
  struct Request {
    std::uint16_t counter = 0;  // where it begins
    std::uint32_t blocks = 0;
    std::vector<std::uint8_t> bytes;
  };

  explicit SendQueue(const Parts& parts);
  // nullopt: it is not in memory, or not all of it has been posted. The queue is broken then.
  std::optional<Request> Load(std::uint32_t posted);
  void Execute(const Request& request);
  void Send(Bits request, bool segment);
  // Adds what is in the request and what it names to `packet_`.
  void Gather(Bits request);
  void Transmit(Packet packet);
  void Refuse(const zcrx::Error& reason);
  void UpdateKey(Bits request);
  void Break(std::string reason);

  Parts parts_;
  std::uint32_t number_ = 0;
  std::uint32_t completion_queue_ = 0;
  RingPages pages_;
  std::uint32_t log_size_ = 0;
  GuestAddress doorbell_record_ = 0;
  bool ready_ = false;
  bool broken_ = false;
  std::uint16_t taken_ = 0;  // free-running count of blocks
  SendBudget budget_;
  TxPacket packet_;
};

}  // namespace vnic::mlx5
