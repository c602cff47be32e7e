// The receive queues, by number and by channel, as the driver makes and replaces them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "ci/vnic/mlx5/object_table.h"
#include "ci/vnic/mlx5/rx_queue.h"

namespace vnic::mlx5 {

class RxQueues {
 public:
  // Of a CREATE_RQ; returns the number. EINVAL, or ENOSPC: there are as many as may be.
  zcrx::Result<std::uint32_t> Create(const RxQueue::Parts& parts, Bits request);
  // The driver begins to make what a channel needs, or a part of that.
  void BeginChannel(std::uint32_t channel);
  // It lets packets into queue `number`, if that takes any.
  void LetIn(std::uint32_t number);
  // Whether a single channel is being replaced. Not known of the first.
  [[nodiscard]] bool InRestart() const { return in_restart_; }
  // ENOENT: there is none.
  zcrx::Status Destroy(const NicSlot& slot, std::uint32_t number);
  void Clear();

  [[nodiscard]] std::shared_ptr<RxQueue> Find(std::uint32_t number) const {
    return table_.Find(number);
  }
  zcrx::Result<std::shared_ptr<RxQueue>> Get(std::uint32_t number) const {
    return table_.Get(number);
  }
  // Those that take packets, in the order of their channels. A queue that is to replace another
  // is not among them yet.
  [[nodiscard]] std::vector<std::shared_ptr<RxQueue>> Channels() const;

 private:
  bool in_restart_ = false;
  ObjectTable<RxQueue> table_{"receive queue", 1, 1U << 24U, 1024};
  std::ptrdiff_t heirs_ = 0;  // made to replace another, since a queue was last destroyed
};

}  // namespace vnic::mlx5
