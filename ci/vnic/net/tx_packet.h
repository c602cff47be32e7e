// A packet on its way from the driver's buffers onto the wire: what every NIC does alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ci/vnic/net/packet.h"
#include "ci/vnic/net/send_budget.h"
#include "support/base/result.h"

namespace vnic {

struct TxLimits {
  std::size_t largest_frame = 0;
  std::size_t largest_burst = 0;  // all that its descriptors may hold
};

// Gathers one packet after the other. What is refused stays refused until its end, and costs no
// memory meanwhile: its descriptors are completed like any other's.
class TxPacket {
 public:
  explicit TxPacket(const TxLimits& limits) : limits_(limits) {}

  // Appends a buffer; an empty one is the guest's mistake, or not in its memory.
  void Add(Frame buffer, SendBudget& budget);
  // Cuts the packet into frames of `segment_size` bytes of TCP payload; 0 is refused.
  void Segment(std::uint16_t segment_size);
  // Completes the checksums of a single frame. A burst's are computed where it is cut.
  void CompleteIpChecksum() { ip_checksum_ = true; }
  void CompleteTransportChecksum() { transport_checksum_ = true; }
  void Refuse(std::string_view why);
  [[nodiscard]] bool IsRefused() const { return !refused_.empty(); }

  struct Outgoing {
    Packet packet;
    std::size_t frames = 1;
  };
  // Ends the packet, and begins the next. Fails with why it cannot be sent.
  zcrx::Result<Outgoing> Finish(SendBudget& budget);

 private:
  zcrx::Result<Outgoing> Take(SendBudget& budget);

  TxLimits limits_;
  Packet packet_;
  bool burst_ = false;
  bool ip_checksum_ = false;
  bool transport_checksum_ = false;
  std::string refused_;  // why; empty: it is not
};

}  // namespace vnic
