#include "support/nic/features.h"

#include <linux/ethtool_netlink.h>

#include <string>

namespace zcrx {
namespace {

// Verbose bitsets (Documentation/networking/ethtool-netlink.rst, "Bit sets"): one nest a bit. In a
// bitset with a mask a bit is on where it has the VALUE flag; in one without (NOMASK), the bits
// that are listed are on.
bool IsOn(netlink::Attributes bitset, std::string_view name) {
  const bool no_mask = bitset.Has(ETHTOOL_A_BITSET_NOMASK);
  bool on = false;
  bitset.Nested(ETHTOOL_A_BITSET_BITS).ForEach([&](int, netlink::Bytes payload) {
    const netlink::Attributes bit(payload);
    if (bit.Text(ETHTOOL_A_BITSET_BIT_NAME) != name) return;
    on = no_mask || bit.Has(ETHTOOL_A_BITSET_BIT_VALUE);
  });
  return on;
}

// FEATURES_HW is the bitset with a mask of every feature there is.
bool IsKnown(netlink::Attributes reply, std::string_view name) {
  bool known = false;
  reply.Nested(ETHTOOL_A_FEATURES_HW)
      .Nested(ETHTOOL_A_BITSET_BITS)
      .ForEach([&](int, netlink::Bytes payload) {
        known |= netlink::Attributes(payload).Text(ETHTOOL_A_BITSET_BIT_NAME) == name;
      });
  return known;
}

const char* OnOff(bool on) { return on ? "on" : "off"; }

}  // namespace

Feature ParseFeature(netlink::Attributes reply, std::string_view name) {
  return {.active = IsOn(reply.Nested(ETHTOOL_A_FEATURES_ACTIVE), name),
          .wanted = IsOn(reply.Nested(ETHTOOL_A_FEATURES_WANTED), name),
          .changeable = IsOn(reply.Nested(ETHTOOL_A_FEATURES_HW), name) &&
                        !IsOn(reply.Nested(ETHTOOL_A_FEATURES_NOCHANGE), name)};
}

void EncodeFeature(std::string_view name, bool on, netlink::Request& request) {
  request.BeginNest(ETHTOOL_A_FEATURES_WANTED)
      .BeginNest(ETHTOOL_A_BITSET_BITS)
      .BeginNest(ETHTOOL_A_BITSET_BITS_BIT)
      .PutText(ETHTOOL_A_BITSET_BIT_NAME, name);
  if (on) request.PutFlag(ETHTOOL_A_BITSET_BIT_VALUE);
  request.EndNest().EndNest().EndNest();
}

Result<Feature> GetFeature(Nic& nic, std::string_view name) {
  const std::string operation = fmt::format("get feature {} of {}", name, nic.Name());
  auto request = nic.EthtoolRequest(operation, ETHTOOL_MSG_FEATURES_GET);
  ZCRX_ASSIGN_OR_RETURN(const auto reply, nic.Ethtool().CallForOne(request));
  if (!IsKnown(reply.Attrs(), name)) return Fail(operation, 0, "this kernel has no such feature");
  return ParseFeature(reply.Attrs(), name);
}

Status SetFeature(Nic& nic, std::string_view name, bool on) {
  const std::string operation =
      fmt::format("set feature {} of {} ({})", name, nic.Name(), OnOff(on));
  auto request = nic.EthtoolRequest(operation, ETHTOOL_MSG_FEATURES_SET, ETHTOOL_FLAG_OMIT_REPLY);
  EncodeFeature(name, on, request);
  ZCRX_RETURN_IF_ERROR(nic.Ethtool().Call(request));
  ZCRX_ASSIGN_OR_RETURN(const Feature now, GetFeature(nic, name));
  if (now.active == on) return {};
  return Fail(operation, 0,
              fmt::format("it is still {}{}", OnOff(now.active),
                          now.changeable ? "" : ", and the device has it fixed"));
}

}  // namespace zcrx
