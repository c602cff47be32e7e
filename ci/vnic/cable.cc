#include "ci/vnic/cable.h"

#include <utility>

namespace vnic {

void Cable::End::Plug(Deliver deliver, LinkChanged link_changed) {
  deliver_ = std::move(deliver);
  link_changed_ = std::move(link_changed);
}

void Cable::End::Unplug() {
  deliver_ = nullptr;
  link_changed_ = nullptr;
}

void Cable::End::Send(Packet packet) {
  End& other = cable_->ends_[1 - index_];
  if (Up() && other.deliver_) other.deliver_(std::move(packet));
}

void Cable::SetUp(std::size_t end, bool up) {
  const bool was_up = ends_[end].Up();
  up_[end] = up;
  if (ends_[end].Up() == was_up) return;
  for (End& each : ends_) {
    if (each.link_changed_) each.link_changed_();
  }
}

}  // namespace vnic
