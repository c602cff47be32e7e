// How often the driver has made receive queues: what a suite costs a NIC, on which a start can take
// a second.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace vnic {

class QueueStarts {
 public:
  // A receive queue has been made. `others`: some exist.
  void Count(bool others) {
    ++queues_;
    if (!others) CountAll();
  }
  // One queue has been replaced, while the others went on; or all have.
  void CountRestart() { ++restarts_; }
  void CountAll() { ++nic_; }

  // "nic_starts=2 queue_restarts=1 rx_queues_made=9"
  [[nodiscard]] std::string Text() const {
    return fmt::format("nic_starts={} queue_restarts={} rx_queues_made={}", nic_, restarts_,
                       queues_);
  }

 private:
  std::uint64_t nic_ = 0;       // of all queues
  std::uint64_t restarts_ = 0;  // of a single queue
  std::uint64_t queues_ = 0;
};

}  // namespace vnic
