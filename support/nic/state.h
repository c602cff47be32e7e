// The state of a NIC: everything the suite may change, as one value that is read, compared,
// serialized and applied.
//
// Apply() is the only way to change a NIC's settings. A test declares the state it needs; the state
// found before the first test is applied after the last one, by the run, by its guardian, or by
// zcrx_nic restore. Of sysctls only what the suite writes is included; addresses, routes and the
// peer are not.
//
// No kernel shows whether an RSS table that equals the driver's default was set by a user, so that
// is missing here.
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

// A field that is absent in a state that was read does not exist or is not shown by device, driver
// or kernel. A field that is absent in a wanted state is left as it is, except contexts and rules:
// then there must be none.
struct NicState {
  struct Feature {
    bool active = false;
    bool requested = false;  // by user space
    bool operator==(const Feature&) const = default;
  };

  NicIdentity nic = {};
  bool admin_up = false;
  uint32_t mtu = 0;                              // bytes
  std::map<std::string, Feature> features = {};  // changeable ones, by the kernel's names
  ChannelsChange channels = {};
  RingsChange rings = {};
  // Whether header split (rings.tcp_data_split, as the driver reports it) is the driver's own
  // choice. No kernel shows that; absent: not known (ClaimSplit()). A memory provider requires
  // header split that is configured on (netif_mp_open_rxq: "tcp-data-split is disabled").
  std::optional<bool> split_automatic = {};
  std::optional<Rss> rss = {};  // absent while the interface is down: bnxt shows zeros then
  std::map<uint32_t, Rss> contexts = {};    // additional contexts, by number
  std::optional<FlowRules> rules = {};      // rules of every kind, byte for byte
  std::optional<uint64_t> huge_pages = {};  // absent also while a run on another NIC has them
  std::optional<uint32_t> keep_addr_on_down = {};  // GetKeepAddrOnDown(); absent without IPv6

  bool operator==(const NicState&) const = default;

  // In the order of printing and serializing.
  static constexpr auto Fields() {
    return std::tuple{Field{"features", &NicState::features},
                      Field{"channels", &NicState::channels},
                      Field{"rings", &NicState::rings},
                      Field{"tcp-data-split-automatic", &NicState::split_automatic},
                      Field{"rss", &NicState::rss},
                      Field{"rss-contexts", &NicState::contexts},
                      Field{"flow-rules", &NicState::rules},
                      Field{"huge-pages", &NicState::huge_pages},
                      Field{"keep-addr-on-down", &NicState::keep_addr_on_down}};
  }
};

// Reads the state; takes a few milliseconds. Leaves out what the device does not have. Fails if
// anything cannot be read.
Result<NicState> ReadNicState(Nic& nic);

// Returns whether `feature` in `now` is as in `wanted`. While header split is configured on, the
// driver may switch rx-gro-hw regardless of what was requested: mlx5 keeps it on, others may have
// to turn it off.
bool IsAsWanted(const NicState& wanted, std::string_view feature, const NicState::Feature& now);

// Returns how many rx queues, from 0 on, are claimed by flow rules and additional RSS contexts: the
// highest they lead to, plus one. The device cannot have fewer (ethtool_check_max_channel() in
// net/ethtool/common.c), and these queues carry traffic that was steered there on purpose.
uint32_t CountClaimedQueues(const NicState& state);

// Returns a sentence for each difference: "rings: rx was 512, is 256". Empty: `now` is as `wanted`.
// Identities are not compared. If the driver numbers rules itself, a rule with another number is
// the same rule. An RSS table that leads to queues which do not exist cannot be set: the default,
// or another such table, counts as equal. RSS is compared only if the interface was up and is up.
std::vector<std::string> Differences(const NicState& wanted, const NicState& now);

struct Applied {
  std::optional<NicState> before;  // state before; absent if it could not be read
  NicState now;                    // state afterwards
  std::vector<Error> errors;       // in order; a remaining difference is an error too
};
// Sets what differs from `wanted`, in the order of dependencies, and nothing else. Waits for memory
// providers to leave the queues before changing channels, rings or features. Continues after an
// error. The caller must have called CheckSameNic() (identity.h).
Applied Apply(Nic& nic, const NicState& wanted, Deadline deadline);

// Returns the state as JSON, one setting per line, with the names of `ethtool --json` where it has
// them. Ends with a newline.
std::string SerializeNicState(const NicState& state);
// Parses the output of SerializeNicState(). Fails with EBADMSG on any other text. Cannot detect a
// changed digit: add a checksum where the text could be corrupted.
Result<NicState> ParseNicState(std::string_view text);
// Upper limit of the text; longer input is refused unread.
inline constexpr size_t kMostStateText = size_t{16} << 20;

}  // namespace zcrx
