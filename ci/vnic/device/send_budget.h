// How much one doorbell may send.
#pragma once

#include <cstddef>

namespace vnic {

// The other guest waits while a doorbell is served, and a ring can hold far more than any memory:
// one buffer again and again, to be cut into frames of a byte each. What is beyond this is
// completed and not sent. No driver gets there: the longest rings that drivers make hold less (gve:
// 4095 descriptors of 16 KiB; bnxt: 2047 of 32 KiB), and their frames are longer.
class SendBudget {
 public:
  // False, and nothing is taken: it is too much.
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
