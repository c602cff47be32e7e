// Event queues: what the NIC tells the driver by an interrupt
// (Linux core/eq.c, lib/eq.h; include/linux/mlx5/device.h, struct mlx5_eqe).
#pragma once

#include <cstdint>
#include <span>

#include "ci/vnic/device/nic.h"
#include "ci/vnic/mlx5/object_table.h"
#include "ci/vnic/mlx5/ring_pages.h"

namespace vnic::mlx5 {

enum class EventType : std::uint8_t {
  kCompletion = 0x00,
  kPortChange = 0x09,
  kCommand = 0x0a,
};
inline constexpr std::uint8_t kPortDown = 1;
inline constexpr std::uint8_t kPortUp = 4;

struct Event {
  EventType type = EventType::kCompletion;
  std::uint8_t subtype = 0;
  std::size_t data_at = 0;  // of the word that says more, in the record
  std::uint32_t data = 0;
};
Event CompletionEvent(std::uint32_t queue);
Event CommandEvent(std::uint32_t slot);
Event PortEvent(bool up);

class EventQueue {
 public:
  // Of a CREATE_EQ. Fails with EINVAL.
  static zcrx::Result<EventQueue> Make(const NicSlot& slot, std::uint32_t number, Bits request);

  // Whether the driver wants events of this type here.
  [[nodiscard]] bool Wants(EventType type) const {
    return (wanted_ >> static_cast<unsigned>(type) & 1U) != 0;
  }
  void Post(const Event& event);
  // The driver has taken all events before the free-running `consumed`.
  void Doorbell(std::uint32_t consumed, bool arm);

 private:
  explicit EventQueue(const NicSlot& slot) : slot_(&slot) {}
  void Raise();

  const NicSlot* slot_;
  std::uint32_t number_ = 0;
  RingPages pages_;
  std::uint32_t log_size_ = 0;
  std::uint32_t vector_ = 0;
  std::uint64_t wanted_ = 0;
  std::uint32_t produced_ = 0;  // free-running, as `consumed_`, of which the driver tells 24 bits
  std::uint32_t consumed_ = 0;
  bool armed_ = false;
};

class EventQueues {
 public:
  // An event queue has an 8-bit number; 0 is never given.
  EventQueues() : table_("event queue", 1, 256, 64) {}

  zcrx::Result<std::uint32_t> Create(const NicSlot& slot, Bits request);
  zcrx::Status Destroy(std::uint32_t number) { return table_.Destroy(number); }
  void Clear() { table_.Clear(); }
  [[nodiscard]] std::shared_ptr<EventQueue> Find(std::uint32_t number) const {
    return table_.Find(number);
  }
  // Whether any queue wants events of this type.
  [[nodiscard]] bool Want(EventType type) const;
  // To every queue that wants it.
  void Post(const Event& event) const;

 private:
  ObjectTable<EventQueue> table_;
};

}  // namespace vnic::mlx5
