// How often the driver has made receive queues: what a suite costs a NIC, on which a start can take
// a second.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace vnic {

class QueueStarts {
 public:
  // A receive queue has been made. `others`: some exist. `restart`: it is the one that the driver
  // has just taken away, while the others went on.
  void Count(bool others, bool restart) {
    ++queues_;
    if (!others) {
      ++nic_;
    } else if (restart) {
      ++restarts_;
    }
  }

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
