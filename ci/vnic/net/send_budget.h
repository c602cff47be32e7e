// How much one doorbell may send.
#pragma once

#include <cstddef>

namespace vnic {

// The other guest waits while a doorbell is served, and a hostile ring can describe far more than
// memory holds: the same buffer again and again, to be cut into frames of one byte. What exceeds
// the budget is completed but not sent. No driver reaches it: the longest rings of drivers hold
// less (gve: 4095 descriptors of 16 KiB; bnxt: 2047 of 32 KiB), and their frames are longer.
class SendBudget {
 public:
  // Return false, and take nothing, if less is left.
  [[nodiscard]] bool TakeBytes(std::size_t bytes) { return Take(bytes_, bytes); }
  [[nodiscard]] bool TakeFrames(std::size_t frames) { return Take(frames_, frames); }

 private:
  static bool Take(std::size_t& left, std::size_t amount) {
    if (amount > left) return false;
    left -= amount;
    return true;
  }
  std::size_t bytes_ = std::size_t{64} << 20U;
  std::size_t frames_ = std::size_t{64} << 10U;
};

}  // namespace vnic
