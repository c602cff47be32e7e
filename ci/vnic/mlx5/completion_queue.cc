#include "ci/vnic/mlx5/completion_queue.h"

#include <bit>
#include <cerrno>

namespace vnic::mlx5 {
namespace {

// create_cq_in: the context is at 0x10.
constexpr Field kRecordSize{0x10, 21, 3};
constexpr Field kLogSize{0x10 + 0x0c, 24, 5};
constexpr Field kEventQueue{0x10 + 0x14, 0, 8};
constexpr Field kLogPageSize{0x10 + 0x18, 24, 5};
constexpr std::size_t kDoorbellRecord = 0x10 + 0x38;
constexpr std::size_t kPages = 0x110;
constexpr std::uint32_t kMostLogSize = 16;

constexpr std::uint32_t kCounter = 0xffffff;

}  // namespace

zcrx::Result<CompletionQueue> CompletionQueue::Make(const NicSlot& slot, const EventQueues& events,
                                                    std::uint32_t number, Bits request) {
  CompletionQueue queue(slot, events);
  queue.number_ = number;
  queue.event_queue_ = EventQueueOf(request);
  queue.log_size_ = request[kLogSize];
  queue.doorbell_record_ = request.Long(kDoorbellRecord);
  const auto wrong = [](int code, std::string reason) {
    return zcrx::Fail("make a completion queue", code, std::move(reason));
  };
  if (events.Find(queue.event_queue_) == nullptr) {
    return wrong(ENOENT, fmt::format("event queue {}", queue.event_queue_));
  }
  if (request[kRecordSize] != 0) return wrong(EINVAL, "completions are not of 64 bytes");
  if (queue.log_size_ > kMostLogSize) {
    return wrong(EINVAL, fmt::format("2^{} completions", queue.log_size_));
  }
  ZCRX_ASSIGN_OR_RETURN(queue.pages_, RingPages::Open(request.From(kPages), request[kLogPageSize],
                                                      kRecord << queue.log_size_));
  return queue;
}

std::uint32_t CompletionQueue::EventQueueOf(Bits request) { return request[kEventQueue]; }

std::uint32_t CompletionQueue::Room() const {
  const auto consumed = slot_->memory.Load<Be32>(doorbell_record_);
  if (!consumed) return 0;
  const std::uint32_t taken = (produced_ - *consumed) & kCounter;
  const std::uint32_t size = 1U << log_size_;
  return taken < size ? size - taken : 0;
}

bool CompletionQueue::Post(CompletionCode code, Completion completion) {
  if (Room() == 0) {
    slot_->log.Refused("mlx5: completion queue {} is full", number_);
    return false;
  }
  const auto owner = static_cast<std::uint8_t>(produced_ >> log_size_ & 1U);
  completion.code_and_owner = static_cast<std::uint8_t>(static_cast<unsigned>(code) << 4U | owner);
  const std::uint64_t at = (produced_ & ((1U << log_size_) - 1)) * kRecord;
  const auto record = std::bit_cast<std::array<std::uint8_t, kRecord>>(completion);
  if (!Publish(slot_->memory, pages_.At(at), record)) {
    slot_->log.Refused("mlx5: completion queue {} is not in memory", number_);
    return false;
  }
  produced_ = (produced_ + 1) & kCounter;
  if (armed_) Tell();
  return true;
}

void CompletionQueue::Arm(std::uint32_t consumed) {
  armed_ = true;
  if ((consumed & kCounter) != produced_) Tell();
}

void CompletionQueue::Tell() {
  armed_ = false;
  if (const auto events = events_->Find(event_queue_)) events->Post(CompletionEvent(number_));
}

}  // namespace vnic::mlx5
