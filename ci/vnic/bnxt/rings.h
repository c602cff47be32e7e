// All rings of the function, by the number that the device gave them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <variant>

#include "ci/vnic/bnxt/completion.h"
#include "ci/vnic/bnxt/hwrm_queues.h"
#include "ci/vnic/bnxt/registers.h"
#include "ci/vnic/bnxt/ring_memory.h"
#include "ci/vnic/bnxt/statistics.h"
#include "ci/vnic/bnxt/tx_ring.h"
#include "ci/vnic/device/nic.h"
#include "ci/vnic/fault/packet_faults.h"
#include "support/base/result.h"

namespace vnic::bnxt {

// Empty buffers from the driver, taken in order.
class BufferRing {
 public:
  BufferRing(RingMemory records, const GuestMemory& memory)
      : records_(std::move(records)), memory_(memory) {}

  [[nodiscard]] std::uint32_t Available() const { return (produced_ - taken_) & records_.Mask(); }
  // The buffer `ahead` of the next; nothing where there is none or the ring is not in memory.
  [[nodiscard]] std::optional<BufferDescriptor> Peek(std::uint32_t ahead = 0) const;
  void Take(std::uint32_t count) { taken_ = (taken_ + count) & records_.Mask(); }
  void Doorbell(std::uint32_t index) { produced_ = index & records_.Mask(); }

 private:
  RingMemory records_;
  const GuestMemory& memory_;
  std::uint32_t produced_ = 0;
  std::uint32_t taken_ = 0;
};

// Buffers for whole packets or, beside an aggregation ring, for headers.
struct RxRing : BufferRing {
  using BufferRing::BufferRing;
  std::optional<std::uint16_t> aggregation = std::nullopt;
  std::shared_ptr<StatContext> statistics = nullptr;
  std::uint16_t queue = 0;  // the driver's number for it
  QueueScars scars = {};
};

// Buffers for payload; each packet begins in a new one.
struct AggregationRing : BufferRing {
  using BufferRing::BufferRing;
};

class RingTable {
 public:
  explicit RingTable(const NicSlot& slot) : slot_(slot) {}

  // Also of statistics contexts, which rings count in.
  zcrx::Result<std::uint32_t> AllocateStatistics(GuestAddress address);
  bool FreeStatistics(std::uint32_t id) { return statistics_.erase(id) != 0; }

  // EINVAL: an unknown type, a memory that makes no ring, or another ring or context that it is to
  // work with does not exist; ENOSPC: all are in use.
  zcrx::Result<std::uint16_t> Allocate(const RingAllocRequest& request);
  // The receive ring of the lowest queue but `id`; nullptr: there is no other.
  [[nodiscard]] std::shared_ptr<RxRing> NeighbourOf(std::uint16_t id) const;
  // False: there is no such ring. One that another still works with lives until that is freed too.
  bool Free(std::uint16_t id) { return rings_.erase(id) != 0; }
  void Clear();

  // nullptr: there is no ring of that number, or it is of another type.
  template <typename T>
  [[nodiscard]] std::shared_ptr<T> Find(std::uint16_t id) const {
    const auto found = rings_.find(id);
    if (found == rings_.end()) return nullptr;
    const auto* ring = std::get_if<std::shared_ptr<T>>(&found->second);
    return ring == nullptr ? nullptr : *ring;
  }

  // False: no ring has that number and type. At a queue's restart the driver may ring for the one
  // that it has just freed.
  [[nodiscard]] bool Ring(const Doorbell& doorbell) const;

 private:
  using Any = std::variant<std::shared_ptr<NotificationQueue>, std::shared_ptr<CompletionQueue>,
                           std::shared_ptr<TxRing>, std::shared_ptr<RxRing>,
                           std::shared_ptr<AggregationRing>>;

  zcrx::Result<Any> Make(const RingAllocRequest& request);
  [[nodiscard]] std::shared_ptr<StatContext> Statistics(std::uint32_t id) const;

  const NicSlot& slot_;
  std::map<std::uint16_t, Any> rings_;
  std::map<std::uint32_t, std::shared_ptr<StatContext>> statistics_;
  std::uint16_t next_ring_ = 0;
  std::uint32_t next_statistics_ = 0;
};

}  // namespace vnic::bnxt
