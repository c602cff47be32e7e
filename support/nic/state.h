// The state of one NIC: all of it that the suite may touch, as one value that is read, compared,
// written down and put back.
//
// What the suite changes is listed in configure.h; this holds that, and what those changes take
// along (a driver that resets its device drops rules, fewer channels take RSS tables with them).
// The suite writes no sysctl, so none is here; addresses, routes and the peer are not either.
//
// What no kernel shows cannot be in it: whether tcp-data-split is configured or left to the driver
// while the driver reports the same (see ConfigureRings), and whether an RSS table that equals the
// driver's default was set by somebody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/nic/channels.h"
#include "support/nic/flow_rule.h"
#include "support/nic/nic.h"
#include "support/nic/rings.h"
#include "support/nic/rss.h"

namespace zcrx {

// Which NIC a state is of, and since when its numbers mean something.
struct NicIdentity {
  std::string interface = {};  // its name then; it may have been renamed since
  std::string driver = {};     // "gve"
  std::string bus = {};        // "0000:00:04.0"; empty for a virtual one
  std::string address = {};    // the permanent MAC address; empty where it has none
  uint32_t index = 0;          // tells virtual ones apart; a driver loaded again counts on
  std::string boot = {};       // /proc/sys/kernel/random/boot_id

  bool operator==(const NicIdentity&) const = default;
};

// Absent: the device, its driver or the kernel has no such thing, or does not show it.
struct NicState {
  struct Feature {
    bool active = false;
    bool wanted = false;  // what user space last asked for
    bool operator==(const Feature&) const = default;
  };

  NicIdentity nic = {};
  bool admin_up = false;
  uint32_t mtu = 0;                              // bytes
  std::map<std::string, Feature> features = {};  // those that can be changed, by the kernel's names
  ChannelsChange channels = {};                  // what they are, as the change that makes them so
  RingsChange rings = {};
  std::optional<Rss> rss = {};  // absent while the interface is down: bnxt shows zeros then
  std::map<uint32_t, Rss> contexts = {};  // the additional ones, by number
  std::optional<FlowRules> rules = {};    // of every kind, byte for byte
  std::optional<uint64_t> huge_pages = {};

  bool operator==(const NicState&) const = default;
};

// A few milliseconds. What the device does not have is left out; what cannot be read is an error.
Result<NicState> ReadNicState(Nic& nic);

// How many rx queues, from 0 on, flow rules and additional RSS contexts lay claim to: one more than
// the highest that they lead to. The device cannot have fewer (ethtool_check_max_channel() in
// net/ethtool/common.c), and traffic arrives on them that somebody wants there.
uint32_t CountClaimedQueues(const NicState& state);

// ENODEV: the state is another NIC's. ESTALE: it is of an earlier boot of this machine, which has
// configured the NIC since. Both by name. The interface may have another name by now.
Status CheckSameNic(const NicState& state, Nic& nic);

// A sentence for each: "rings: rx was 512, is 256". Empty: alike. Whose NIC it is does not count.
// Where the driver numbers rules itself, a rule that has got another number is the same rule.
// An RSS table that led to queues which are not there cannot be set: the default stands for it, or
// another such table. RSS is compared where the interface was up and is.
std::vector<std::string> Differences(const NicState& found, const NicState& now);

// Puts back what differs: waits for memory providers to leave the queues, takes away what was added
// since, and sets the rest in the order of dependencies. Idempotent: where nothing differs nothing
// is sent. All errors come back, what could still be done is done, and what differs in the end is
// an error too. CheckSameNic() is the caller's.
std::vector<Error> RestoreNicState(Nic& nic, const NicState& wanted, Deadline deadline);

// A line for each value, the version first and the number of lines last. Ends with a newline.
std::string SerializeNicState(const NicState& state);
// Refuses all that SerializeNicState() does not write: what is cut, unknown, out of order or out of
// range, in a sentence that names the line. (A digit that was changed is not seen: who keeps the
// text where that can happen adds a checksum.)
Result<NicState> ParseNicState(std::string_view text);
// Longer than any that is written; more is refused unread.
inline constexpr size_t kMostStateText = size_t{64} << 20;

}  // namespace zcrx
