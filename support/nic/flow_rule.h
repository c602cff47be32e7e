// Flow rules (ntuple filters): which TCP flow goes to which queue. ethtool -n and -N.
// By ioctl only, still in Linux 7.3 (ETHTOOL_SRXCLSRLINS, include/uapi/linux/ethtool.h).
#pragma once

#include <linux/ethtool.h>
#include <netinet/in.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "support/base/result.h"
#include "support/nic/nic.h"

namespace zcrx {

struct ToQueue {
  uint32_t queue = 0;
  bool operator==(const ToQueue&) const = default;
};
struct ToRssContext {
  uint32_t context = 0;
  bool operator==(const ToRssContext&) const = default;
};

// Matches TCP over one IP version. Ports in host order; addresses in the socket API's structs.
// Absent: any. An address is of the rule's own version, or encoding fails.
struct FlowRule {
  enum class Ip { kV4, kV6 };
  using Address = std::variant<in_addr, in6_addr>;

  Ip ip = Ip::kV6;
  std::optional<Address> source = {};
  std::optional<Address> destination = {};
  std::optional<uint16_t> source_port = {};
  std::optional<uint16_t> destination_port = {};
  std::variant<ToQueue, ToRssContext> action = {};
  // The place in the device's table, where lower numbers win. Absent: the driver chooses, or, for
  // a driver that cannot, the highest free place, as the ethtool program does.
  std::optional<uint32_t> location = {};

  // "tcp6 dst-port 9999 to queue 1"
  [[nodiscard]] std::string Text() const;
};
bool operator==(const FlowRule& a, const FlowRule& b);

// The rule's location. The ioctl has no extended ack: some drivers say more in the kernel log.
Result<uint32_t> InsertFlowRule(Nic& nic, const FlowRule& rule);
Status DeleteFlowRule(Nic& nic, uint32_t location);
// Those of the device, in its order.
Result<std::vector<uint32_t>> GetFlowRuleLocations(Nic& nic);
// Fails on rules of a kind that FlowRule does not describe.
Result<FlowRule> GetFlowRule(Nic& nic, uint32_t location);

// A rule of whatever kind as the kernel gave it, to be put back byte for byte.
struct RawFlowRule {
  std::array<std::byte, sizeof(ethtool_rx_flow_spec)> spec = {};
  uint32_t context = 0;  // where the spec's flow_type has FLOW_RSS

  bool operator==(const RawFlowRule&) const = default;
  [[nodiscard]] uint32_t Location() const;
  // The rx queue it leads to; nothing for a rule into an RSS context, to a virtual function or to
  // nowhere.
  [[nodiscard]] std::optional<uint32_t> Queue() const;
  // As FlowRule::Text() where that describes it: "tcp6 dst-port 9999 to queue 1"; else
  // "udp4 ... to queue 1".
  [[nodiscard]] std::string Text() const;
};

struct FlowRules {
  // The driver chooses each new rule's location and takes no wish (RX_CLS_LOC_SPECIAL).
  bool driver_numbers = false;
  std::vector<RawFlowRule> rules = {};  // by location

  bool operator==(const FlowRules&) const = default;
};
Result<FlowRules> GetFlowRules(Nic& nic);
// The rule at `location`; where the driver does not show one there, `asked` as it was asked for.
Result<RawFlowRule> GetRawFlowRule(Nic& nic, uint32_t location, FlowRule asked);
// Those of `rules` that `in` does not have, at the same location; at whatever location, but as
// often, where the driver numbers them.
std::vector<RawFlowRule> MissingRules(const FlowRules& rules, const FlowRules& in);
// At the rule's own location; where the driver numbers rules itself, at the one that it returns.
Result<uint32_t> InsertFlowRule(Nic& nic, const RawFlowRule& rule, bool driver_numbers);

// The argument of ETHTOOL_SRXCLSRLINS; a mask bit of 1 is one to compare, as the kernel has it.
Result<ethtool_rxnfc> EncodeFlowRule(const FlowRule& rule);
// What ETHTOOL_GRXCLSRULE returned.
Result<FlowRule> DecodeFlowRule(const ethtool_rxnfc& answer);
// The highest place of a table of `size` that is in none of `taken`.
std::optional<uint32_t> HighestFreeLocation(const std::vector<uint32_t>& taken, uint32_t size);

}  // namespace zcrx
