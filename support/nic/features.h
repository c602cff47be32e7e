// Device features by the kernel's own names: ethtool -k and -K (ETHTOOL_MSG_FEATURES_*).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "support/base/result.h"
#include "support/nic/netlink/message.h"
#include "support/nic/nic.h"

namespace zcrx {

// net/ethtool/common.c, netdev_features_strings; the ethtool program calls it ntuple.
inline constexpr std::string_view kNtuple = "rx-ntuple-filter";
inline constexpr std::string_view kGro = "rx-gro";
inline constexpr std::string_view kHwGro = "rx-gro-hw";  // bnxt has it only with rx-gro

struct Feature {
  bool active = false;
  bool wanted = false;      // what user space last asked for
  bool changeable = false;  // false: "[fixed]" in ethtool -k

  bool operator==(const Feature&) const = default;
};

// A name that the kernel does not know is an error.
Result<Feature> GetFeature(Nic& nic, std::string_view name);
// All that the kernel has a name for.
Result<std::map<std::string, Feature>> GetFeatures(Nic& nic);
// The kernel acks a request that the driver does not follow: an error here, once the feature's
// state has been read back.
Status SetFeature(Nic& nic, std::string_view name, bool on);
// Asks for all at once, some of which may depend on others; what the device made of it is for the
// caller to read.
Status AskForFeatures(Nic& nic, const std::map<std::string, bool>& features);

// The reply to ETHTOOL_MSG_FEATURES_GET with verbose bitsets.
std::map<std::string, Feature> ParseFeatures(netlink::Attributes reply);
void EncodeFeatures(const std::map<std::string, bool>& features, netlink::Request& request);

}  // namespace zcrx
