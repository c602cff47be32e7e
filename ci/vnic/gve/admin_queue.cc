#include "ci/vnic/gve/admin_queue.h"

#include <bit>

namespace vnic::gve {

bool AdminQueue::Start(GuestAddress base, std::uint32_t length) {
  Stop();
  const auto entries = static_cast<std::uint32_t>(length / sizeof(AdminCommand));
  if (length % sizeof(AdminCommand) != 0 || !std::has_single_bit(entries) ||
      memory_.Writable(base, length).empty()) {
    log_.Refused("gve: admin queue of {} bytes at {:#x}", length, base);
    return false;
  }
  base_ = base;
  entries_ = entries;
  done_ = 0;
  return true;
}

void AdminQueue::Ring(std::uint32_t produced) {
  if (!Running() || produced - done_ > entries_) {
    log_.Refused("gve: admin doorbell {} after {}, {} entries", produced, done_, entries_);
    return;
  }
  // A command may reset the device and with it this queue.
  while (Running() && done_ != produced) {
    const GuestAddress address = base_ + (done_ & (entries_ - 1)) * sizeof(AdminCommand);
    // A copy: the guest may change it while it is looked at.
    const auto command = memory_.Load<AdminCommand>(address);
    if (!command) {
      log_.Refused("gve: admin command at {:#x} is not mapped any more", address);
      Stop();
      return;
    }
    const Be32 status = static_cast<std::uint32_t>(execute_(*command));
    if (!memory_.Store(address + kStatusOffset, status)) {
      log_.Refused("gve: admin command at {:#x} cannot be written", address);
    }
    ++done_;
  }
}

}  // namespace vnic::gve
