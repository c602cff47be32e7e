#include "ci/vnic/bnxt/rings.h"

#include <fmt/format.h>

#include <cerrno>
#include <limits>
#include <utility>

namespace vnic::bnxt {
namespace {

constexpr std::size_t kMaxRings =
    kMaxQueues + kMaxCompletionRings + kMaxTxRings + 2 * std::size_t{kMaxRxRings};
// Numbers come round late, so that a doorbell for a freed ring does not reach a new one.
constexpr std::uint16_t kRingNumbers = 0x4000;

}  // namespace

std::optional<BufferDescriptor> BufferRing::Peek(std::uint32_t ahead) const {
  if (ahead >= Available()) return std::nullopt;
  return memory_.Load<BufferDescriptor>(records_.At(taken_ + ahead));
}

zcrx::Result<std::uint32_t> RingTable::AllocateStatistics(GuestAddress address) {
  if (statistics_.size() >= kMaxRings) return zcrx::Fail("allocate statistics context", ENOSPC);
  // Within the time of one guest the numbers do not come round.
  const std::uint32_t id = next_statistics_++ % (std::numeric_limits<std::uint32_t>::max() - 1);
  statistics_[id] = std::make_shared<StatContext>(address, slot_);
  return id;
}

std::shared_ptr<StatContext> RingTable::Statistics(std::uint32_t id) const {
  const auto found = statistics_.find(id);
  return found == statistics_.end() ? nullptr : found->second;
}

zcrx::Result<std::uint16_t> RingTable::Allocate(const RingAllocRequest& request) {
  if (rings_.size() >= kMaxRings) return zcrx::Fail("allocate ring", ENOSPC);
  ZCRX_ASSIGN_OR_RETURN(Any ring, Make(request));
  const auto next = [&] { return static_cast<std::uint16_t>((next_ring_ + 1U) % kRingNumbers); };
  while (rings_.contains(next_ring_)) next_ring_ = next();
  const std::uint16_t id = next_ring_;
  next_ring_ = next();
  rings_.emplace(id, std::move(ring));
  if (request.type == RingType::kAggregation) Find<RxRing>(request.rx_ring)->aggregation = id;
  return id;
}

zcrx::Result<RingTable::Any> RingTable::Make(const RingAllocRequest& request) {
  ZCRX_ASSIGN_OR_RETURN(
      RingMemory memory,
      RingMemory::Open(slot_.memory, request.page_table, request.page_table_depth, request.length));
  const auto missing = [](std::string_view what, std::uint32_t id) {
    return zcrx::Fail(fmt::format("allocate ring for {} {}", what, id), EINVAL,
                      "there is none of that number");
  };
  switch (request.type) {
    case RingType::kNotification:
      if (request.logical_id >= kMaxQueues) return missing("vector", request.logical_id);
      return std::make_shared<NotificationQueue>(std::move(memory), request.logical_id, slot_);
    case RingType::kCompletion: {
      auto notifications = Find<NotificationQueue>(request.notification_ring);
      if (!notifications) return missing("notification queue", request.notification_ring);
      return std::make_shared<CompletionQueue>(std::move(memory), request.handle,
                                               std::move(notifications), slot_);
    }
    case RingType::kTx: {
      auto completions = Find<CompletionQueue>(request.completion_ring);
      if (!completions) return missing("completion queue", request.completion_ring);
      auto statistics = Statistics(request.stat_context);
      if (!statistics) return missing("statistics context", request.stat_context);
      return std::make_shared<TxRing>(std::move(memory), std::move(completions),
                                      std::move(statistics), slot_);
    }
    case RingType::kRx: {
      auto statistics = Statistics(request.stat_context);
      if (!statistics) return missing("statistics context", request.stat_context);
      auto ring = std::make_shared<RxRing>(std::move(memory), slot_.memory);
      ring->statistics = std::move(statistics);
      ring->queue = request.logical_id;
      return ring;
    }
    case RingType::kAggregation:
      if (!Find<RxRing>(request.rx_ring)) return missing("rx ring", request.rx_ring);
      return std::make_shared<AggregationRing>(std::move(memory), slot_.memory);
  }
  return zcrx::Fail(fmt::format("allocate ring of type {}", std::to_underlying(request.type)),
                    EINVAL);
}

std::shared_ptr<RxRing> RingTable::NeighbourOf(std::uint16_t id) const {
  std::shared_ptr<RxRing> lowest;
  for (const auto& [other, ring] : rings_) {
    const auto* rx = std::get_if<std::shared_ptr<RxRing>>(&ring);
    if (rx == nullptr || other == id) continue;
    if (lowest == nullptr || (*rx)->queue < lowest->queue) lowest = *rx;
  }
  return lowest;
}

void RingTable::Clear() {
  rings_.clear();
  statistics_.clear();
}

bool RingTable::Ring(const Doorbell& doorbell) const {
  if (doorbell.ring > std::numeric_limits<std::uint16_t>::max()) return false;
  const auto id = static_cast<std::uint16_t>(doorbell.ring);
  const auto ring = [&](const auto& queue, auto... arm) {
    if (queue) queue->Doorbell(doorbell.index, arm...);
    return queue != nullptr;
  };
  switch (doorbell.type) {
    case DoorbellType::kTx:
      return ring(Find<TxRing>(id));
    case DoorbellType::kRx:
      return ring(Find<RxRing>(id)) || ring(Find<AggregationRing>(id));
    case DoorbellType::kCompletion:
    case DoorbellType::kCompletionArm:
      return ring(Find<CompletionQueue>(id), doorbell.type == DoorbellType::kCompletionArm);
    case DoorbellType::kNotification:
    case DoorbellType::kNotificationArm:
      return ring(Find<NotificationQueue>(id), doorbell.type == DoorbellType::kNotificationArm);
  }
  return false;
}

}  // namespace vnic::bnxt
