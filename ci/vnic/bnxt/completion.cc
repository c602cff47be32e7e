#include "ci/vnic/bnxt/completion.h"

#include <utility>

namespace vnic::bnxt {

bool EventRing::WriteAt(std::uint32_t ahead, Completion record) const {
  const bool wraps = produced_ + ahead >= records_.Size();
  record.phase_and_more = (record.phase_and_more & ~kPhase) | (wraps != phase_ ? kPhase : 0);
  // The phase stands in the second half of a record: the first half is there before it.
  struct Half {
    Le32 low;
    Le32 high;
  };
  const GuestAddress address = records_.At(produced_ + ahead);
  return slot_.memory.Store(address, Half{record.type_flags_length, record.opaque}) &&
         slot_.memory.Publish(address + sizeof(Half), Half{record.phase_and_more, record.last});
}

bool EventRing::Write(std::span<const Completion> records) {
  const auto count = static_cast<std::uint32_t>(records.size());
  if (count > Room()) return false;
  for (std::uint32_t i = count; i-- > 0;) {
    if (!WriteAt(i, records[i])) {
      slot_.log.Refused("bnxt: event ring is not in memory at {:#x}", records_.At(produced_ + i));
      return false;
    }
  }
  if (produced_ + count >= records_.Size()) phase_ = !phase_;
  produced_ = (produced_ + count) & records_.Mask();
  return true;
}

void NotificationQueue::Post(const Completion& record) {
  if (!ring_.Write({&record, 1})) {
    return slot_.log.Refused("bnxt: notification queue {} takes no more records", vector_);
  }
  RaiseIfDue();
}

void NotificationQueue::Doorbell(std::uint32_t index, bool arm) {
  ring_.Consume(index);
  armed_ = arm;
  RaiseIfDue();
}

void NotificationQueue::RaiseIfDue() {
  if (ring_.Empty() || !std::exchange(armed_, false)) return;
  slot_.interrupts.Raise(vector_);
}

bool CompletionQueue::Post(std::span<const Completion> records) {
  if (!ring_.Write(records)) return false;
  NotifyIfDue();
  return true;
}

void CompletionQueue::Doorbell(std::uint32_t index, bool arm) {
  ring_.Consume(index);
  armed_ |= arm;  // a doorbell that only says what was read takes no wish back
  NotifyIfDue();
}

void CompletionQueue::NotifyIfDue() {
  if (ring_.Empty() || !std::exchange(armed_, false)) return;
  // The handle is split around the phase (bnxt.h, struct nqe_cn).
  notifications_->Post(
      {.type_flags_length = static_cast<std::uint32_t>(CompletionType::kNotification),
       .opaque = static_cast<std::uint32_t>(handle_),
       .phase_and_more = 0,
       .last = static_cast<std::uint32_t>(handle_ >> 32U)});
}

}  // namespace vnic::bnxt
