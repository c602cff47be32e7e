// Which NIC it is, whatever its name.
#pragma once

#include <cstdint>
#include <string>

#include "support/base/result.h"
#include "support/nic/nic.h"

namespace zcrx {

// Of a NIC, and since when its numbers mean something.
struct NicIdentity {
  std::string interface = {};  // its name then; it may have been renamed since
  std::string driver = {};     // "gve"
  std::string bus = {};        // "0000:00:04.0"; empty for a virtual one
  std::string address = {};    // the permanent MAC address; empty where it has none
  uint32_t index = 0;          // tells virtual ones apart; a driver loaded again counts on
  std::string boot = {};       // /proc/sys/kernel/random/boot_id

  bool operator==(const NicIdentity&) const = default;
};

Result<NicIdentity> ReadIdentity(Nic& nic);

// Fails with ENODEV where `then` is another NIC, with ESTALE where it is from an earlier boot of
// this machine, which has configured the NIC since. The interface may have another name by now.
Status CheckSameNic(const NicIdentity& then, Nic& nic);

}  // namespace zcrx
