// What happens to frames on their way to a port: faults of the cable, and of payload.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "ci/vnic/fault/faults.h"
#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/packet.h"

namespace vnic {

inline constexpr FaultSet kFrameFaults{Fault::kByteFlip,        Fault::kSegmentTwice,
                                       Fault::kSegmentsSwapped, Fault::kDrop,
                                       Fault::kDropBurst,       Fault::kLinkFlap};

class FrameFaults {
 public:
  // `flap` takes the cable down for a moment.
  FrameFaults(Faults& faults, std::move_only_function<void()> flap)
      : faults_(faults), flap_(std::move(flap)) {}

  // Returns, in order, what arrives when `packet` is sent. Of a burst only the frames that a fault
  // affects are cut off: a NIC coalesces with faults too.
  std::vector<Packet> Pass(Packet packet);

 private:
  struct Fate {
    bool drop = false;
    bool flip = false;
    bool twice = false;
    bool late = false;

    [[nodiscard]] bool Changes() const { return drop || flip || twice || late; }
  };

  // Returns the fate of the next frame.
  Fate Next(bool has_payload);
  void Arrive(Packet packet);
  void Arrive(Packet frame, const Fate& fate);

  Faults& faults_;
  std::move_only_function<void()> flap_;
  std::vector<Packet> arrived_;
  std::optional<Packet> overtaken_;  // arrives after the next one
};

}  // namespace vnic
