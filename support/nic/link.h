// The NIC's link: rtnetlink(7).
#pragma once

#include <sys/types.h>

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
  std::string name = {};  // the kernel's name, which its log and traces use
  bool admin_up = false;  // IFF_UP: ip link set up
  bool running = false;   // IFF_RUNNING: has a carrier and passes packets
  uint32_t mtu = 0;       // bytes

  bool operator==(const Link&) const = default;
};

Result<Link> GetLink(Nic& nic);
// Sets the link up or down, as ip link set does. An interface that goes down loses its IPv6
// addresses; they are not restored.
Status SetAdminUp(Nic& nic, bool up);
Status SetMtu(Nic& nic, uint32_t bytes);
// Gives the interface another name.
Status Rename(Nic& nic, const std::string& name);
// Moves the interface to the network namespace of a process. It loses its addresses, and is down.
Status MoveToNamespaceOf(Nic& nic, pid_t process);
// Waits until the link is running: on some NICs a change of rings or channels takes the carrier
// away for a while. Fails at once if the interface is administratively down, because waiting would
// not bring it up.
Status WaitForLink(Nic& nic, Deadline deadline);

// Returns the link with this name. Altnames (`ip link property add dev NAME altname ...`, up to 127
// characters, ALTIFNAMSIZ) count too. Fails with ENODEV if no interface has the name.
Result<Link> FindLink(Kernel& kernel, std::string_view name);

// Parses an RTM_NEWLINK message.
Result<Link> ParseLink(const netlink::Message& message);

}  // namespace zcrx
