// What becomes of frames on their way to a port: faults of the cable, and of payload.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "ci/vnic/fault/faults.h"
#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/packet.h"

namespace vnic {

class FrameFaults {
 public:
  // `flap`: the cable is to go down for a moment.
  FrameFaults(Faults& faults, std::move_only_function<void()> flap)
      : faults_(faults), flap_(std::move(flap)) {}

  // What arrives when `packet` was sent, in order. A burst stays one but for the frames of it that
  // a fault concerns: a NIC that coalesces does so with faults too.
  std::vector<Packet> Pass(Packet packet);

 private:
  struct Fate {
    bool drop = false;
    bool flip = false;
    bool twice = false;
    bool late = false;

    [[nodiscard]] bool Changes() const { return drop || flip || twice || late; }
  };

  // Of each frame in turn.
  Fate Next(bool has_payload);
  void Arrive(Packet packet);
  void Arrive(Packet frame, const Fate& fate);

  Faults& faults_;
  std::move_only_function<void()> flap_;
  std::vector<Packet> arrived_;
  std::optional<Packet> overtaken_;  // arrives behind the next one
};

}  // namespace vnic
