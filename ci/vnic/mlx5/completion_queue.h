// Completion queues (Linux include/linux/mlx5/device.h, struct mlx5_cqe64; cq.h).
#pragma once

#include <array>
#include <cstdint>

#include "ci/vnic/mlx5/event_queue.h"

namespace vnic::mlx5 {

enum class CompletionCode : std::uint8_t {
  kRequest = 0x0,  // of a send queue
  kReceive = 0x2,
};

struct Completion {
  std::uint8_t outer_tunnel = 0;
  std::uint8_t reserved0 = 0;
  Be16 wqe;
  // Of a queue that splits headers, from here ...
  std::uint8_t session = 0;
  std::uint8_t header_size = 0;
  Be16 header_entry;
  Be32 data_offset;
  // ... to here.
  Be32 hash;
  std::uint8_t hash_type = 0;
  std::uint8_t path = 0;
  Be16 reserved1;
  Be16 checksum;
  Be16 reserved2;
  Be32 flags_and_qp;
  std::uint8_t checks = 0;
  std::uint8_t header_types = 0;
  Be16 vlan;
  Be32 shared_queue;
  Be32 immediate;
  Be32 reserved3;
  Be32 bytes_and_strides;
  Be64 timestamp;
  Be32 queue;
  Be16 counter;
  std::uint8_t signature = 0;
  std::uint8_t code_and_owner = 0;
};
static_assert(sizeof(Completion) == kRecord);

class CompletionQueue {
 public:
  // Of a CREATE_CQ. Fails with EINVAL, or ENOENT where its event queue does not exist.
  static zcrx::Result<CompletionQueue> Make(const NicSlot& slot, const EventQueues& events,
                                            std::uint32_t number, Bits request);

  // The number of the event queue that a CREATE_CQ names.
  static std::uint32_t EventQueueOf(Bits request);
  [[nodiscard]] std::uint32_t EventQueueNumber() const { return event_queue_; }
  // How many completions the driver has room for.
  [[nodiscard]] std::uint32_t Room() const;
  // False: lost, as there is no room or the queue is not in memory.
  bool Post(CompletionCode code, Completion completion);
  // The driver has taken all before the free-running `consumed`, and wants to be told of the next.
  void Arm(std::uint32_t consumed);

 private:
  CompletionQueue(const NicSlot& slot, const EventQueues& events)
      : slot_(&slot), events_(&events) {}
  void Tell();

  const NicSlot* slot_;
  const EventQueues* events_;
  std::uint32_t number_ = 0;
  std::uint32_t event_queue_ = 0;
  RingPages pages_;
  std::uint32_t log_size_ = 0;
  GuestAddress doorbell_record_ = 0;
  std::uint32_t produced_ = 0;
  bool armed_ = false;
};

}  // namespace vnic::mlx5
