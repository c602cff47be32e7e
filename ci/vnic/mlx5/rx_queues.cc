#include "ci/vnic/mlx5/rx_queues.h"

#include <algorithm>
#include <map>
#include <ranges>
#include <utility>

namespace vnic::mlx5 {

zcrx::Result<std::uint32_t> RxQueues::Create(const RxQueue::Parts& parts, Bits request) {
  ZCRX_ASSIGN_OR_RETURN(const std::uint32_t number, table_.Reserve());
  ZCRX_ASSIGN_OR_RETURN(RxQueueConfig config, RxQueueConfig::Read(request));
  const auto queue = std::make_shared<RxQueue>(parts, number, std::move(config));
  if (queue->Takes()) {
    const auto others = Channels();
    CountStart(parts.slot, queue->OwnScars(), queue->Splits(),
               others.empty() ? nullptr : &others.front()->OwnScars(), false);
    heirs_ += std::ranges::count(others, queue->Channel(), &RxQueue::Channel);
  }
  table_.Put(number, queue);
  return number;
}

// To restart a queue the driver makes a second channel of the same number and then closes the first
// (core/en_main.c, mlx5e_queue_mem_alloc, mlx5e_queue_start); to change something of all, it makes
// all of them anew, from the first on, before it closes one (mlx5e_safe_switch_params).
void RxQueues::BeginChannel(std::uint32_t channel) {
  const auto channels = Channels();
  const bool replaces = std::ranges::count(channels, channel, &RxQueue::Channel) > 0;
  if (heirs_ == 0) in_restart_ = replaces && channels.front()->Channel() != channel;
}

void RxQueues::LetIn(std::uint32_t number) {
  const auto queue = table_.Find(number);
  if (queue != nullptr && queue->Takes()) in_restart_ = false;
}

zcrx::Status RxQueues::Destroy(const NicSlot& slot, std::uint32_t number) {
  ZCRX_ASSIGN_OR_RETURN(const auto old, table_.Get(number));
  ZCRX_RETURN_IF_ERROR(table_.Destroy(number));
  if (!old->Takes()) return {};
  const std::ptrdiff_t heirs = std::exchange(heirs_, 0);
  const auto channels = Channels();
  const auto heir = std::ranges::find(channels, old->Channel(), &RxQueue::Channel);
  // The heir goes, and not the old one, where the rest of a new channel cannot be made.
  if (heirs == 0 || heir == channels.end() || (*heir)->Number() < number) return {};
  const auto neighbour = std::ranges::find_if(
      channels, [&](const auto& other) { return other->Channel() != old->Channel(); });
  if (heirs == 1 && neighbour != channels.end()) {
    CountRestart(slot, (*neighbour)->OwnScars());
  } else {
    slot.starts.CountAll();
  }
  return {};
}

void RxQueues::Clear() {
  table_.Clear();
  heirs_ = 0;
  in_restart_ = false;
}

std::vector<std::shared_ptr<RxQueue>> RxQueues::Channels() const {
  std::map<std::uint32_t, std::shared_ptr<RxQueue>> channels;
  for (const auto& [number, queue] : table_.All()) {
    if (queue->Takes()) channels.emplace(queue->Channel(), queue);
  }
  const auto queues = channels | std::views::values;
  return {queues.begin(), queues.end()};
}

}  // namespace vnic::mlx5
