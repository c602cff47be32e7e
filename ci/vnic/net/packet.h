// What travels on the cable.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace vnic {

// The bytes of one Ethernet frame: from the destination address on, without preamble and FCS.
using Frame = std::span<const std::uint8_t>;

// One frame, or a burst: the TCP segments of one send that the sending NIC has not cut yet (TSO).
// A port that can coalesce takes a burst as one large receive, any other cuts it: see segment.h.
struct Packet {
  std::vector<std::uint8_t> bytes;
  // TCP payload bytes of each frame of a burst (its MSS); 0 for a single frame.
  std::uint16_t segment_size = 0;

  [[nodiscard]] bool IsBurst() const { return segment_size != 0; }
};

}  // namespace vnic
