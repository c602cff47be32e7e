// The lock that allows one run at a time per NIC. The kernel releases it when the last holder is
// gone, in whatever way.
//
// The lock is a listening abstract UNIX socket (unix(7)) named after the interface. Its names
// belong to a network namespace, as interfaces do; it leaves no file and needs no privilege. A
// process that finds the lock taken connects to it: SO_PEERCRED identifies the listener, and the
// connection hangs up when the last holder is gone, so that waiting needs no polling.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

class NicLock {
 public:
  // Takes the lock of `interface` (Nic::Name(), because the lock is per name). Waits up to `wait`
  // for other holders. The error names the holder:
  // "eth1 is in use by process 4711 (zcrx_tests --netif=eth1), started 12 s ago: wait for it with
  // --wait=SECONDS"
  static Result<NicLock> Take(const std::string& interface, std::chrono::seconds wait);
  // Takes over a lock passed on by another process. From now on this process is named as the
  // holder.
  static Result<NicLock> Inherit(UniqueFd listener);

  // A process that inherits the descriptor also holds the lock.
  [[nodiscard]] int Fd() const { return listener_.Get(); }

 private:
  explicit NicLock(UniqueFd listener) : listener_(std::move(listener)) {}
  UniqueFd listener_;
};

// Returns "process 4711 (zcrx_tests --netif=eth1), started 12 s ago", as far as /proc has the data.
std::string ProcessText(pid_t pid);

}  // namespace zcrx
