// Notification blocks: an interrupt each, which the driver enables and the device fires once.
#pragma once

#include <cstdint>
#include <vector>

#include "ci/vnic/device/nic.h"
#include "ci/vnic/gve/registers.h"

namespace vnic::gve {

class Notifier {
 public:
  explicit Notifier(Interrupts& interrupts) : interrupts_(interrupts) {}

  // Blocks 0 to count - 1 on the vectors from `base_vector` on, all disabled.
  void Configure(std::uint32_t count, std::uint32_t base_vector) {
    blocks_.assign(count, {});
    base_vector_ = base_vector;
  }

  [[nodiscard]] std::uint32_t Count() const { return static_cast<std::uint32_t>(blocks_.size()); }

  // An event in block `id` < Count(): raises its interrupt and disables it, or, while it is
  // disabled, remembers the event for the next enable (gve_main.c, gve_napi_poll_dqo: the driver
  // does not look again after enabling).
  void Fire(std::uint32_t id) {
    Block& block = blocks_[id];
    if (block.enabled) {
      block.enabled = false;
      interrupts_.Raise(base_vector_ + id);
    } else {
      block.pending = true;
    }
  }

  // The driver has written `value` to the interrupt doorbell of block `id` < Count().
  void Doorbell(std::uint32_t id, std::uint32_t value) {
    Block& block = blocks_[id];
    if ((value & kInterruptClearPending) != 0) block.pending = false;
    if ((value & kInterruptEnable) == 0) return;
    block.enabled = true;
    if (std::exchange(block.pending, false)) Fire(id);
  }

 private:
  struct Block {
    bool enabled = false;
    bool pending = false;
  };
  Interrupts& interrupts_;
  std::vector<Block> blocks_;
  std::uint32_t base_vector_ = 0;
};

}  // namespace vnic::gve
