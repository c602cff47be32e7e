// The driver's side of the bnxt model, for its tests: commands, rings and doorbells.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "ci/vnic/bnxt/device.h"
#include "ci/vnic/bnxt/hwrm_queues.h"
#include "ci/vnic/bnxt/records.h"
#include "test/unit/vnic_fakes.h"

namespace vnic::bnxt {

// Rings of one page: 256 records.
inline constexpr std::uint32_t kRingRecords = 256;

class BnxtDriver {
 public:
  explicit BnxtDriver(
      std::shared_ptr<FakeGuest> shared = std::make_shared<FakeGuest>(Device::kModel.faults))
      : shared_(std::move(shared)) {}

  // What came back: 0xdead as the error where nothing did.
  struct Answer {
    std::uint16_t error = 0xdead;
    std::uint32_t number = 0;  // the first field
  };

  template <Plain T>
  Answer Send(CommandType type, T request, std::uint16_t completion_ring = kNoCompletionRing) {
    request.header.type = static_cast<std::uint16_t>(type);
    request.header.completion_ring = completion_ring;
    request.header.sequence = ++sequence_;
    request.header.reply_address = reply_;
    guest.Put(request_, request);
    return SendShort({.type = static_cast<std::uint16_t>(type),
                      .signature = kShortSignature,
                      .target = 0xffff,
                      .size = sizeof(T),
                      .address = request_});
  }
  Answer Send(CommandType type) { return Send(type, NumberRequest{}); }

  Answer SendShort(const ShortRequest& request) {
    guest.Put(reply_, ReplyHeader{});
    std::array<std::uint8_t, sizeof request> bytes{};
    StoreAt(bytes, 0, request);
    device.WriteBar(kRegisterBar, kCommandWindow, bytes);
    device.WriteBar(kRegisterBar, kCommandTrigger, std::array<std::uint8_t, 4>{1});
    const auto header = guest.Get<ReplyHeader>(reply_);
    if (header.length == 0) return {};
    EXPECT_EQ(header.sequence, sequence_);
    EXPECT_EQ(guest.Get<std::uint8_t>(reply_ + header.length - 1), 1) << "valid byte";
    return {.error = header.error, .number = guest.Get<Le32>(reply_ + sizeof header)};
  }

  struct Ring {
    std::uint16_t id = 0xffff;
    GuestAddress memory = 0;
    std::uint16_t error = 0;
  };
  Ring AllocateRing(RingType type, const RingAllocRequest& fields = {}) {
    RingAllocRequest request = fields;
    const GuestAddress memory = guest.Allocate(4096);
    request.type = type;
    if (request.page_table == 0) request.page_table = memory;
    if (request.length == 0) request.length = kRingRecords;
    const Answer answer = Send(CommandType::kRingAlloc, request);
    return {static_cast<std::uint16_t>(answer.number), memory, answer.error};
  }
  Answer FreeRing(RingType type, std::uint16_t id, std::uint16_t completion_ring) {
    RingFreeRequest request{};
    request.type = type;
    request.ring = id;
    return Send(CommandType::kRingFree, request, completion_ring);
  }

  void Doorbell(DoorbellType type, std::uint32_t ring, std::uint32_t index) {
    std::array<std::uint8_t, 8> bytes{};
    StoreAt(bytes, 0,
            Le64(static_cast<std::uint64_t>(type) << 60U | std::uint64_t{ring} << 32U | index));
    device.WriteBar(kDoorbellBar, kDoorbell, bytes);
  }
  template <Plain T>
  void PutRecord(const Ring& ring, std::uint32_t index, const T& record) {
    guest.Put(ring.memory + std::uint64_t{index} * kRecordSize, record);
  }
  [[nodiscard]] Completion Record(const Ring& ring, std::uint32_t index) const {
    return guest.Get<Completion>(ring.memory + std::uint64_t{index} * kRecordSize);
  }

 private:
  const std::shared_ptr<FakeGuest> shared_;

 public:
  FakeGuest& guest = *shared_;
  Device device{guest.Slot()};

 protected:
  const GuestAddress request_ = guest.Allocate(4096);
  const GuestAddress reply_ = guest.Allocate(4096);

 private:
  std::uint16_t sequence_ = 0;
};

// A queue that is up: NQ, the CQs, and the TX, RX and aggregation rings.
struct BnxtQueue {
  explicit BnxtQueue(BnxtDriver& driver) : statistics(driver.guest.Allocate(4096)) {
    StatContextAllocRequest statistics_request{};
    statistics_request.address = statistics;
    RingAllocRequest fields{};
    fields.stat_context = driver.Send(CommandType::kStatContextAlloc, statistics_request).number;
    notifications = driver.AllocateRing(RingType::kNotification, fields);
    fields.notification_ring = notifications.id;
    fields.handle = 0x1'0000'0007;
    rx_completions = driver.AllocateRing(RingType::kCompletion, fields);
    tx_completions = driver.AllocateRing(RingType::kCompletion, fields);
    fields.completion_ring = tx_completions.id;
    tx = driver.AllocateRing(RingType::kTx, fields);
    rx = driver.AllocateRing(RingType::kRx, fields);
    fields.rx_ring = rx.id;
    aggregation = driver.AllocateRing(RingType::kAggregation, fields);
  }
  GuestAddress statistics;
  BnxtDriver::Ring notifications;
  BnxtDriver::Ring rx_completions;
  BnxtDriver::Ring tx_completions;
  BnxtDriver::Ring tx;
  BnxtDriver::Ring rx;
  BnxtDriver::Ring aggregation;
};

}  // namespace vnic::bnxt
