// Flow rules (ntuple filters), which steer a TCP flow to a queue or RSS context: ethtool -n and -N.
// Set by ioctl, as Linux 7.3 still has no netlink command (ETHTOOL_SRXCLSRLINS,
// include/uapi/linux/ethtool.h).
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

// Matches TCP over one IP version. Ports are in host order, addresses in the socket API's structs.
// Absent fields match anything. Encoding fails if an address is not of the rule's IP version.
struct FlowRule {
  enum class Ip { kV4, kV6 };
  using Address = std::variant<in_addr, in6_addr>;

  Ip ip = Ip::kV6;
  std::optional<Address> source = {};
  std::optional<Address> destination = {};
  std::optional<uint16_t> source_port = {};
  std::optional<uint16_t> destination_port = {};
  std::variant<ToQueue, ToRssContext> action = {};
  // The location in the device's table; lower numbers win. Absent: chosen by the driver or, if it
  // cannot, the highest free location, as the ethtool program does.
  std::optional<uint32_t> location = {};

  // "tcp6 dst-port 9999 to queue 1"
  [[nodiscard]] std::string Text() const;
};
bool operator==(const FlowRule& a, const FlowRule& b);

// Inserts a rule and returns its location. The ioctl has no extended ack; some drivers say more in
// the kernel log.
Result<uint32_t> InsertFlowRule(Nic& nic, const FlowRule& rule);
Status DeleteFlowRule(Nic& nic, uint32_t location);
// Returns the locations of the device's rules, in the device's order.
Result<std::vector<uint32_t>> GetFlowRuleLocations(Nic& nic);
// Returns the rule at `location`. Fails if it is of a kind that FlowRule cannot describe.
Result<FlowRule> GetFlowRule(Nic& nic, uint32_t location);

// A rule of any kind as the kernel returned it, so that it can be restored byte for byte.
struct RawFlowRule {
  std::array<std::byte, sizeof(ethtool_rx_flow_spec)> spec = {};
  uint32_t context = 0;  // valid if the spec's flow_type has FLOW_RSS

  bool operator==(const RawFlowRule&) const = default;
  [[nodiscard]] uint32_t Location() const;
  // Returns the rule's rx queue; nullopt if it leads to an RSS context, to a virtual function or to
  // no queue.
  [[nodiscard]] std::optional<uint32_t> Queue() const;
  // Returns FlowRule::Text() if FlowRule can describe the rule: "tcp6 dst-port 9999 to queue 1";
  // else "udp4 ... to queue 1".
  [[nodiscard]] std::string Text() const;
};

struct FlowRules {
  // The driver chooses the location of each new rule itself (RX_CLS_LOC_SPECIAL).
  bool driver_numbers = false;
  std::vector<RawFlowRule> rules = {};  // sorted by location

  bool operator==(const FlowRules&) const = default;
};
Result<FlowRules> GetFlowRules(Nic& nic);
// Returns the rule at `location`, or `asked` encoded if the driver shows no rule there.
Result<RawFlowRule> GetRawFlowRule(Nic& nic, uint32_t location, FlowRule asked);
// Returns the rules of `rules` that are not in `in` at the same location. If the driver numbers
// rules itself, locations do not count, only how often a rule occurs.
std::vector<RawFlowRule> MissingRules(const FlowRules& rules, const FlowRules& in);
// Inserts `rule` at its own location and returns that; if the driver numbers rules itself, returns
// the location that the driver chose.
Result<uint32_t> InsertFlowRule(Nic& nic, const RawFlowRule& rule, bool driver_numbers);

// What ethtool_rxnfc says of a rule. (That itself ends in an array without a length, so no other
// type can hold it.)
struct EncodedRule {
  ethtool_rx_flow_spec fs = {};
  uint32_t rss_context = 0;  // counts with FLOW_RSS in fs.flow_type
};
// Mask bits of 1 are compared, as the kernel defines it.
Result<EncodedRule> EncodeFlowRule(const FlowRule& rule);
Result<FlowRule> DecodeFlowRule(const EncodedRule& rule);
// Returns the highest location of a table of `size` that is not in `taken`.
std::optional<uint32_t> HighestFreeLocation(const std::vector<uint32_t>& taken, uint32_t size);

}  // namespace zcrx
