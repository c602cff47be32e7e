// Completion queues (CQ), which tell the driver what is done, and notification queues (NQ), which
// tell it in which CQ to look.
//
// Both are armed by the driver and speak up once: an armed CQ with something new posts one record
// into its NQ, an armed NQ with something new raises its interrupt.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "ci/vnic/bnxt/records.h"
#include "ci/vnic/bnxt/ring_memory.h"
#include "ci/vnic/device/nic.h"

namespace vnic::bnxt {

// A ring that the device fills and the driver empties.
class EventRing {
 public:
  EventRing(RingMemory records, const NicSlot& slot) : records_(std::move(records)), slot_(slot) {}

  // Places for records that the driver has not told to have read.
  [[nodiscard]] std::uint32_t Room() const {
    return records_.Mask() - ((produced_ - consumed_) & records_.Mask());
  }
  [[nodiscard]] bool Empty() const { return produced_ == consumed_; }

  // Writes all records, with their phase, so that the driver sees the first one last. False, and
  // nothing is counted, where there is no room or no memory.
  bool Write(std::span<const Completion> records);
  // The driver has read up to `index`.
  void Consume(std::uint32_t index) { consumed_ = index & records_.Mask(); }

 private:
  bool WriteAt(std::uint32_t ahead, Completion record) const;

  RingMemory records_;
  const NicSlot& slot_;
  std::uint32_t produced_ = 0;  // within the ring
  std::uint32_t consumed_ = 0;
  bool phase_ = true;  // of this pass; the driver zeroes the ring
};

class NotificationQueue {
 public:
  NotificationQueue(RingMemory records, std::uint32_t vector, const NicSlot& slot)
      : ring_(std::move(records), slot), vector_(vector), slot_(slot) {}

  void Post(const Completion& record);
  // Read up to `index`; with `arm`, an interrupt is wanted for what comes then, without, none is
  // (bnxt.c, bnxt_disable_int).
  void Doorbell(std::uint32_t index, bool arm);

 private:
  void RaiseIfDue();

  EventRing ring_;
  std::uint32_t vector_;
  const NicSlot& slot_;
  bool armed_ = false;
};

class CompletionQueue {
 public:
  // `handle` is the driver's name for the queue in notifications.
  CompletionQueue(RingMemory records, std::uint64_t handle,
                  std::shared_ptr<NotificationQueue> notifications, const NicSlot& slot)
      : ring_(std::move(records), slot),
        handle_(handle),
        notifications_(std::move(notifications)) {}

  [[nodiscard]] std::uint32_t Room() const { return ring_.Room(); }
  // The records of one event. False: there was no room for them, nothing is posted.
  bool Post(std::span<const Completion> records);
  void Doorbell(std::uint32_t index, bool arm);

 private:
  void NotifyIfDue();

  EventRing ring_;
  std::uint64_t handle_;
  std::shared_ptr<NotificationQueue> notifications_;
  bool armed_ = false;
};

}  // namespace vnic::bnxt
