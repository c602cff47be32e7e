#include "ci/vnic/mlx5/event_queue.h"

#include <algorithm>
#include <array>
#include <cerrno>

namespace vnic::mlx5 {
namespace {

// create_eq_in: the context is at 0x10.
constexpr Field kLogSize{0x10 + 0x0c, 24, 5};
constexpr Field kVector{0x10 + 0x14, 0, 12};
constexpr Field kLogPageSize{0x10 + 0x18, 24, 5};
constexpr std::size_t kEventBits = 0x58;
constexpr std::size_t kPages = 0x110;
constexpr std::uint32_t kMostLogSize = 16;

// Offsets in a record.
constexpr std::size_t kType = 0x01;
constexpr std::size_t kSubtype = 0x03;
constexpr std::size_t kOwner = 0x3f;
constexpr std::size_t kCompletionQueue = 0x38;
constexpr std::size_t kCommandSlots = 0x20;
constexpr std::size_t kPort = 0x28;

constexpr std::uint32_t kCounter = 0xffffff;

}  // namespace

Event CompletionEvent(std::uint32_t queue) {
  return {.type = EventType::kCompletion, .data_at = kCompletionQueue, .data = queue};
}

Event CommandEvent(std::uint32_t slot) {
  return {.type = EventType::kCommand, .data_at = kCommandSlots, .data = 1U << slot};
}

Event PortEvent(bool up) {
  constexpr std::uint32_t kPort1 = 1U << 28;
  return {.type = EventType::kPortChange,
          .subtype = up ? kPortUp : kPortDown,
          .data_at = kPort,
          .data = kPort1};
}

zcrx::Result<EventQueue> EventQueue::Make(const NicSlot& slot, std::uint32_t number, Bits request) {
  EventQueue queue(slot);
  queue.number_ = number;
  queue.log_size_ = request[kLogSize];
  queue.vector_ = request[kVector];
  queue.wanted_ = request.Long(kEventBits);
  if (queue.log_size_ > kMostLogSize) {
    return zcrx::Fail("make an event queue", EINVAL, fmt::format("2^{} events", queue.log_size_));
  }
  ZCRX_ASSIGN_OR_RETURN(queue.pages_, RingPages::Open(request.From(kPages), request[kLogPageSize],
                                                      kRecord << queue.log_size_));
  return queue;
}

void EventQueue::Post(const Event& event) {
  if (((produced_ - consumed_) & kCounter) >> log_size_ != 0) {
    return slot_->log.Refused("mlx5: event queue {} is full: an event of type {:#x} is lost",
                              number_, static_cast<unsigned>(event.type));
  }
  std::array<std::uint8_t, kRecord> record{};
  record[kType] = static_cast<std::uint8_t>(event.type);
  record[kSubtype] = event.subtype;
  StoreAt(record, event.data_at, Be32(event.data));
  // The driver initialises the bit as 1 (core/eq.c, init_eq_buf) and expects the parity of the
  // round.
  record[kOwner] = static_cast<std::uint8_t>(produced_ >> log_size_ & 1U);
  const std::uint64_t at = (produced_ & ((1U << log_size_) - 1)) * kRecord;
  if (!Publish(slot_->memory, pages_.At(at), record)) {
    return slot_->log.Refused("mlx5: event queue {} is not in memory", number_);
  }
  produced_ = (produced_ + 1) & kCounter;
  if (armed_) Raise();
}

void EventQueue::Doorbell(std::uint32_t consumed, bool arm) {
  consumed_ = consumed & kCounter;
  if (!arm) return;
  armed_ = true;
  if (consumed_ != produced_) Raise();
}

void EventQueue::Raise() {
  armed_ = false;
  slot_->interrupts.Raise(vector_);
}

zcrx::Result<std::uint32_t> EventQueues::Create(const NicSlot& slot, Bits request) {
  ZCRX_ASSIGN_OR_RETURN(const std::uint32_t number, table_.Reserve());
  ZCRX_ASSIGN_OR_RETURN(EventQueue queue, EventQueue::Make(slot, number, request));
  table_.Put(number, std::make_shared<EventQueue>(std::move(queue)));
  return number;
}

bool EventQueues::Want(EventType type) const {
  return std::ranges::any_of(table_.All(),
                             [&](const auto& one) { return one.second->Wants(type); });
}

void EventQueues::Post(const Event& event) const {
  for (const auto& [number, queue] : table_.All()) {
    if (queue->Wants(event.type)) queue->Post(event);
  }
}

}  // namespace vnic::mlx5
