#include "support/nic/features.h"

#include <linux/ethtool_netlink.h>

#include <string>

#include "support/base/kill_point.h"

namespace zcrx {
namespace {

// Verbose bitsets (Documentation/networking/ethtool-netlink.rst, "Bit sets"): one nest per bit. In
// a bitset with a mask, a bit is on if it has the VALUE flag; in one without (NOMASK), the listed
// bits are on.
//
// Calls visit(name, whether it is on) for each listed bit with a name. The kernel also lists bits
// without one (netdev_features_strings in net/ethtool/common.c has gaps), with an empty name: a
// device may have several of them, which cannot be told apart nor set by name.
template <typename Visitor>
void ForEachBit(netlink::Attributes bitset, Visitor visit) {
  const bool no_mask = bitset.Has(ETHTOOL_A_BITSET_NOMASK);
  bitset.Nested(ETHTOOL_A_BITSET_BITS).ForEach([&](int, netlink::Bytes payload) {
    const netlink::Attributes bit(payload);
    const auto name = bit.Text(ETHTOOL_A_BITSET_BIT_NAME);
    if (name && !name->empty()) visit(*name, no_mask || bit.Has(ETHTOOL_A_BITSET_BIT_VALUE));
  });
}

}  // namespace

std::map<std::string, Feature> ParseFeatures(netlink::Attributes reply) {
  std::map<std::string, Feature> features;
  // The bitset of all existing features, with a mask.
  ForEachBit(reply.Nested(ETHTOOL_A_FEATURES_HW),
             [&](const std::string& name, bool on) { features[name].changeable = on; });
  const auto mark = [&](int type, bool Feature::* field, bool value) {
    ForEachBit(reply.Nested(type), [&](const std::string& name, bool on) {
      if (const auto known = features.find(name); on && known != features.end()) {
        known->second.*field = value;
      }
    });
  };
  mark(ETHTOOL_A_FEATURES_ACTIVE, &Feature::active, true);
  mark(ETHTOOL_A_FEATURES_WANTED, &Feature::wanted, true);
  mark(ETHTOOL_A_FEATURES_NOCHANGE, &Feature::changeable, false);
  return features;
}

void EncodeFeatures(const std::map<std::string, bool>& features, netlink::Request& request) {
  request.BeginNest(ETHTOOL_A_FEATURES_WANTED).BeginNest(ETHTOOL_A_BITSET_BITS);
  for (const auto& [name, on] : features) {
    request.BeginNest(ETHTOOL_A_BITSET_BITS_BIT).PutText(ETHTOOL_A_BITSET_BIT_NAME, name);
    if (on) request.PutFlag(ETHTOOL_A_BITSET_BIT_VALUE);
    request.EndNest();
  }
  request.EndNest().EndNest();
}

Result<std::map<std::string, Feature>> GetFeatures(Nic& nic) {
  auto request = nic.EthtoolRequest("get features of " + nic.Name(), ETHTOOL_MSG_FEATURES_GET);
  ZCRX_ASSIGN_OR_RETURN(const auto reply, nic.CallForOne(request));
  return ParseFeatures(reply.Attrs());
}

Status AskForFeatures(Nic& nic, const std::map<std::string, bool>& features) {
  const KillPoints points("set_features");
  std::string list;
  for (const auto& [name, on] : features) {
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", name, OnOff(on));
  }
  auto request = nic.EthtoolRequest(fmt::format("set features of {} ({})", nic.Name(), list),
                                    ETHTOOL_MSG_FEATURES_SET, ETHTOOL_FLAG_OMIT_REPLY);
  EncodeFeatures(features, request);
  ZCRX_RETURN_IF_ERROR(nic.Call(request));
  return {};
}

Result<Feature> GetFeature(Nic& nic, std::string_view name) {
  ZCRX_ASSIGN_OR_RETURN(const auto features, GetFeatures(nic));
  const auto found = features.find(std::string(name));
  if (found == features.end()) {
    return Fail(fmt::format("get feature {} of {}", name, nic.Name()), 0,
                "this kernel has no such feature");
  }
  return found->second;
}

Status SetFeature(Nic& nic, std::string_view name, bool on) {
  ZCRX_RETURN_IF_ERROR(AskForFeatures(nic, {{std::string(name), on}}));
  ZCRX_ASSIGN_OR_RETURN(const Feature now, GetFeature(nic, name));
  if (now.active == on) return {};
  return Fail(fmt::format("set feature {} of {} ({})", name, nic.Name(), OnOff(on)), 0,
              fmt::format("it is still {}{}", OnOff(now.active),
                          now.changeable ? "" : ", and the device has it fixed"));
}

}  // namespace zcrx
