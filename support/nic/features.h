// Device features, by the kernel's names: ethtool -k and -K (ETHTOOL_MSG_FEATURES_*).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "support/base/result.h"
#include "support/nic/netlink/message.h"
#include "support/nic/nic.h"

namespace zcrx {

// Names from netdev_features_strings, net/ethtool/common.c; the ethtool program calls the first
// ntuple.
inline constexpr std::string_view kNtuple = "rx-ntuple-filter";
inline constexpr std::string_view kGro = "rx-gro";
inline constexpr std::string_view kHwGro = "rx-gro-hw";  // bnxt has it only with rx-gro

struct Feature {
  bool active = false;
  bool wanted = false;      // last requested by user space
  bool changeable = false;  // false: "[fixed]" in ethtool -k

  bool operator==(const Feature&) const = default;
};

inline const char* OnOff(bool on) { return on ? "on" : "off"; }

// Returns one feature. Fails if the kernel does not know the name.
Result<Feature> GetFeature(Nic& nic, std::string_view name);
// Returns all features that the kernel has a name for.
Result<std::map<std::string, Feature>> GetFeatures(Nic& nic);
// Sets one feature and reads it back. Fails if the driver did not follow: the kernel acks such
// requests too.
Status SetFeature(Nic& nic, std::string_view name, bool on);
// Requests several features at once, because some may depend on others. Does not check the result:
// the caller reads the features back.
Status AskForFeatures(Nic& nic, const std::map<std::string, bool>& features);

// Parses the reply to ETHTOOL_MSG_FEATURES_GET, with verbose bitsets.
std::map<std::string, Feature> ParseFeatures(netlink::Attributes reply);
void EncodeFeatures(const std::map<std::string, bool>& features, netlink::Request& request);

}  // namespace zcrx
