// The cable between the two ports.
#pragma once

#include <array>
#include <cstddef>
#include <functional>

#include "ci/vnic/device/nic.h"

namespace vnic {

// Carries packets in order and without loss. It is up unless one of its ends has been taken down;
// whether anything is plugged in at the far end does not matter, as behind a switch.
class Cable {
 public:
  class End : public Wire {
   public:
    using Deliver = std::move_only_function<void(Packet)>;
    using LinkChanged = std::move_only_function<void()>;

    // What is plugged in here: told of packets from the other end and of the link.
    void Plug(Deliver deliver, LinkChanged link_changed);
    void Unplug();

    // A packet sent while the cable is down, or to where nothing is plugged in, is lost.
    void Send(Packet packet) override;
    [[nodiscard]] bool Up() const override { return cable_->up_[0] && cable_->up_[1]; }
    // Takes this end up or down.
    void SetUp(bool up) { cable_->SetUp(index_, up); }

   private:
    friend class Cable;
    End(Cable& cable, std::size_t index) : cable_(&cable), index_(index) {}
    Cable* cable_;
    std::size_t index_;
    Deliver deliver_;
    LinkChanged link_changed_;
  };

  Cable() = default;
  Cable(const Cable&) = delete;
  Cable& operator=(const Cable&) = delete;

  End& operator[](std::size_t end) { return ends_[end]; }
  // Takes one end up or down; both ends see it.
  void SetUp(std::size_t end, bool up);

 private:
  std::array<bool, 2> up_{true, true};
  std::array<End, 2> ends_{End(*this, 0), End(*this, 1)};
};

}  // namespace vnic
