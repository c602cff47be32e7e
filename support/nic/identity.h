// The identity of a NIC, independent of its name.
#pragma once

#include <cstdint>
#include <string>

#include "support/base/result.h"
#include "support/nic/nic.h"

namespace zcrx {

// Identifies a NIC and the boot in which its state was read.
struct NicIdentity {
  std::string interface = {};  // the name at that time; the interface may have been renamed since
  std::string driver = {};     // "gve"
  std::string bus = {};        // "0000:00:04.0"; empty for a virtual NIC
  std::string address = {};    // the permanent MAC address; empty if there is none
  uint32_t index = 0;          // distinguishes virtual NICs; increases when a driver is reloaded
  std::string boot = {};       // /proc/sys/kernel/random/boot_id

  bool operator==(const NicIdentity&) const = default;
};

Result<NicIdentity> ReadIdentity(Nic& nic);

// Fails with ENODEV if `then` is another NIC, with ESTALE if it is from an earlier boot of this
// machine, which has configured the NIC anew since. The interface may have been renamed.
Status CheckSameNic(const NicIdentity& then, Nic& nic);

}  // namespace zcrx
