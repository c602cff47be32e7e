// The NIC leaves this machine's network under its users, as when its driver is reloaded or a
// container takes it, and comes back.
//
// A process that is killed meanwhile, or interrupted so that it does not wait for a slow driver,
// loses the addresses: BringBack() does without them.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/base/child_process.h"
#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/nic/addresses.h"
#include "support/nic/identity.h"
#include "support/nic/nic.h"

namespace zcrx {

// Fails with EOPNOTSUPP unless the NIC is a PCI function.
class Absence {
 public:
  // Unbinds the driver: the interface is gone, with all its settings and its number. Waits as long
  // as the kernel has users of the interface (netdev_wait_allrefs_any() in net/core/dev.c).
  static Result<Absence> ByUnbinding(Nic& nic);
  // Moves the NIC to a new network namespace. That ends with the absence, which puts the NIC back
  // (default_device_exit_net() in net/core/dev.c). Fails with EINVAL, ENOSPC or EPERM where user
  // namespaces are not to be had.
  static Result<Absence> ByMoving(Nic& nic);
  Absence(Absence&& other) noexcept
      : nic_(std::exchange(other.nic_, nullptr)),
        identity_(std::move(other.identity_)),
        addresses_(std::move(other.addresses_)),
        elsewhere_(std::move(other.elsewhere_)) {}
  Absence& operator=(Absence&&) = delete;
  ~Absence();

  // Brings the NIC back under its name, up and with its addresses, and opens it anew. Its other
  // settings are the driver's (Apply(), state.h).
  Status End();

 private:
  Absence(Nic& nic, NicIdentity identity, std::vector<NicAddress> addresses)
      : nic_(&nic), identity_(std::move(identity)), addresses_(std::move(addresses)) {}
  static Result<Absence> Of(Nic& nic);

  Nic* nic_;  // null: moved from, or ended
  NicIdentity identity_;
  std::vector<NicAddress> addresses_;
  std::optional<ChildProcess> elsewhere_;
};

// Waits until there is an interface with the name of `nic`: binds the driver of its PCI function if
// that has none, and gives the interface there its name, if it is down. Does nothing if `nic` is
// not a PCI function (any more).
Status BringBack(const NicIdentity& nic, Deadline deadline);

}  // namespace zcrx
