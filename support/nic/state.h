// The state of one NIC: all of it that the suite may touch, as one value that is read, compared,
// written down, and applied.
//
// Everything that changes a NIC's settings is Apply(): a test declares the state that it needs, the
// state found before the first test is applied after the last, by the run, by its guardian, or by
// zcrx_nic restore. The suite writes no sysctl, so none is here; addresses, routes and the peer are
// not either.
//
// No kernel shows whether an RSS table that equals the driver's default was set by somebody, so
// that cannot be here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/nic/channels.h"
#include "support/nic/fields.h"
#include "support/nic/flow_rule.h"
#include "support/nic/identity.h"
#include "support/nic/nic.h"
#include "support/nic/rings.h"
#include "support/nic/rss.h"

namespace zcrx {

// As read, absent means that the device, its driver or the kernel has no such thing or does not
// show it; as wanted, that it is left as it is (contexts and rules: that there are none).
struct NicState {
  struct Feature {
    bool active = false;
    bool requested = false;  // by user space
    bool operator==(const Feature&) const = default;
  };

  NicIdentity nic = {};
  bool admin_up = false;
  uint32_t mtu = 0;                              // bytes
  std::map<std::string, Feature> features = {};  // those that can be changed, by the kernel's names
  ChannelsChange channels = {};
  RingsChange rings = {};
  // Beside rings.tcp_data_split, which is what the driver reports: whether it is the driver's own
  // choice. No kernel shows that; absent: not known (ClaimSplit()). A memory provider takes only
  // header split that is configured on (netif_mp_open_rxq: "tcp-data-split is disabled").
  std::optional<bool> split_automatic = {};
  std::optional<Rss> rss = {};  // absent while the interface is down: bnxt shows zeros then
  std::map<uint32_t, Rss> contexts = {};  // the additional ones, by number
  std::optional<FlowRules> rules = {};    // of every kind, byte for byte
  std::optional<uint64_t> huge_pages = {};

  bool operator==(const NicState&) const = default;

  // In the order in which they are shown and written down.
  static constexpr auto Fields() {
    return std::tuple{Field{"features", &NicState::features},
                      Field{"channels", &NicState::channels},
                      Field{"rings", &NicState::rings},
                      Field{"tcp-data-split-automatic", &NicState::split_automatic},
                      Field{"rss", &NicState::rss},
                      Field{"rss-contexts", &NicState::contexts},
                      Field{"flow-rules", &NicState::rules},
                      Field{"huge-pages", &NicState::huge_pages}};
  }
};

// A few milliseconds. What the device does not have is left out; what cannot be read is an error.
Result<NicState> ReadNicState(Nic& nic);

// Whether `feature` of `now` is as `wanted` has it. rx-gro-hw is the driver's to switch while
// header split is configured on, whatever was asked: mlx5 keeps it on, others may have to turn it
// off.
bool IsAsWanted(const NicState& wanted, std::string_view feature, const NicState::Feature& now);

// How many rx queues, from 0 on, flow rules and additional RSS contexts lay claim to: one more than
// the highest that they lead to. The device cannot have fewer (ethtool_check_max_channel() in
// net/ethtool/common.c), and traffic arrives on them that somebody wants there.
uint32_t CountClaimedQueues(const NicState& state);

// A sentence for each: "rings: rx was 512, is 256". Empty: `now` is as `wanted`. Whose NIC it is
// does not count. Where the driver numbers rules itself, a rule that has got another number is the
// same rule. An RSS table that leads to queues which are not there cannot be set: the default
// counts as it, or another such table. RSS is compared where the interface was up and is.
std::vector<std::string> Differences(const NicState& wanted, const NicState& now);

struct Applied {
  std::optional<NicState> before;  // what stood at first; nothing where it could not be read
  NicState now;                    // what stands afterwards
  std::vector<Error> errors;       // in order; what differs in the end is an error too
};
// Sets what differs, in the order of dependencies, and nothing else; before channels, rings and
// features change, waits for memory providers to leave the queues. What can be done is done, also
// after an error. CheckSameNic() (identity.h) is the caller's.
Applied Apply(Nic& nic, const NicState& wanted, Deadline deadline);

// JSON, with the names of `ethtool --json` where it has them; a line for each setting. Ends with a
// newline.
std::string SerializeNicState(const NicState& state);
// Refuses (EBADMSG) all that SerializeNicState() does not write. (A digit that was changed is not
// seen: who keeps the text where that can happen adds a checksum.)
Result<NicState> ParseNicState(std::string_view text);
// Longer than any that is written; more is refused unread.
inline constexpr size_t kMostStateText = size_t{16} << 20;

}  // namespace zcrx
