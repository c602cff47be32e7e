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
  taken_ = 0;
  done_ = 0;
  return true;
}

void AdminQueue::Ring(std::uint32_t produced) {
  if (!Running() || produced - taken_ > entries_) {
    log_.Refused("gve: admin doorbell {} after {}, {} entries", produced, taken_, entries_);
    return;
  }
  const bool alone = produced - taken_ == 1;
  // A command may reset the device and with it this queue.
  while (Running() && taken_ != produced) {
    const GuestAddress address = base_ + (taken_++ & (entries_ - 1)) * sizeof(AdminCommand);
    // A copy: the guest may change it while it is looked at.
    const auto command = memory_.Load<AdminCommand>(address);
    if (!command) {
      log_.Refused("gve: admin command at {:#x} is not mapped any more", address);
      Stop();
      return;
    }
    const auto answer = execute_(*command, alone);
    if (!answer) continue;
    const Be32 status = static_cast<std::uint32_t>(*answer);
    if (!memory_.Store(address + kStatusOffset, status)) {
      log_.Refused("gve: admin command at {:#x} cannot be written", address);
    }
    ++done_;
  }
}

}  // namespace vnic::gve
