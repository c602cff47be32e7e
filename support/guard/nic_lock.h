// One run at a time on a NIC: a lock that the kernel frees when its last holder is gone, however it
// ended.
//
// The lock is an abstract UNIX socket (unix(7)) of the interface's name that listens. Its names are
// a network namespace's, as interfaces are; it leaves no file, and needs no privilege. Who finds it
// taken connects to it: that tells who listens (SO_PEERCRED), and hangs up when the last holder has
// gone, so that waiting for it is no polling.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

class NicLock {
 public:
  // `interface`: Nic::Name(), as the lock is the name's. Waits so long for those who have it. The
  // error names the holder:
  // "eth1 is in use by process 4711 (zcrx_tests --netif=eth1), started 12 s ago: wait for it with
  // --wait=SECONDS"
  static Result<NicLock> Take(const std::string& interface, std::chrono::seconds wait);
  // The lock that another process has handed on; whoever is refused it now is told of this one.
  static Result<NicLock> Inherit(UniqueFd listener);

  // Whoever inherits it holds the lock too.
  [[nodiscard]] int Fd() const { return listener_.Get(); }
  void Release() { listener_.Reset(); }

 private:
  explicit NicLock(UniqueFd listener) : listener_(std::move(listener)) {}
  UniqueFd listener_;
};

// "process 4711 (zcrx_tests --netif=eth1), started 12 s ago", as far as /proc tells.
std::string ProcessText(pid_t pid);

}  // namespace zcrx
