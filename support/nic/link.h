// The link of the NIC: rtnetlink(7).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/nic/netlink/message.h"
#include "support/nic/nic.h"

namespace zcrx {

struct Link {
  uint32_t index = 0;
  std::string name = {};  // the kernel's own for it, in its log and traces
  bool admin_up = false;  // IFF_UP: ip link set up
  bool running = false;   // IFF_RUNNING: has a carrier and passes packets
  uint32_t mtu = 0;       // bytes

  bool operator==(const Link&) const = default;
};

Result<Link> GetLink(Nic& nic);
// ip link set NAME up, or down. Down, the interface loses its IPv6 addresses, which are not kept.
Status SetAdminUp(Nic& nic, bool up);
Status SetMtu(Nic& nic, uint32_t bytes);
// Changing rings or channels takes the carrier away for a while on some NICs. An interface that is
// administratively down fails at once: waiting would not bring it up.
Status WaitForLink(Nic& nic, Deadline deadline);

// By any of the interface's names: its own, or one of those that `ip link property add dev NAME
// altname ...` gives, of up to 127 characters (ALTIFNAMSIZ). ENODEV where there is no such name.
Result<Link> FindLink(Kernel& kernel, std::string_view name);

// RTM_NEWLINK.
Result<Link> ParseLink(const netlink::Message& message);

}  // namespace zcrx
