// Flow steering (ethtool's n-tuple rules): what matches a packet, and where it then goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "ci/vnic/net/headers.h"
#include "support/base/result.h"

namespace vnic {

// Bits that are 1 in `mask` must be in the packet as they are in `value`; mask 0 matches anything.
template <typename T>
struct Masked {
  T value{};
  T mask{};
};

struct FlowMatch {
  Network network = Network::kNone;  // kIpv4 or kIpv6; a rule always says which
  std::optional<std::uint8_t> protocol = std::nullopt;
  Masked<IpAddress> source{};
  Masked<IpAddress> destination{};
  Masked<std::uint8_t> traffic_class{};
  // Only TCP and UDP have ports: with a mask here nothing else matches.
  Masked<std::uint16_t> source_port{};
  Masked<std::uint16_t> destination_port{};
};

// To one queue, or, without `queue`, spread over the RSS context.
struct FlowAction {
  std::optional<std::uint32_t> queue = std::nullopt;
  std::uint32_t context = 0;
};

struct FlowRule {
  FlowMatch match{};
  FlowAction action{};
};

bool Matches(const FlowMatch& match, const Headers& headers);

class FlowTable {
 public:
  explicit FlowTable(std::size_t capacity) : capacity_(capacity) {}

  // Fails with ENOSPC if the table is full, EEXIST if the location is taken, and EINVAL for a match
  // without a network.
  zcrx::Status Add(std::uint32_t location, const FlowRule& rule);
  // Fails with ENOENT if there is none.
  zcrx::Status Remove(std::uint32_t location);
  void Clear() { rules_.clear(); }

  // Returns the matching rule with the lowest location: include/uapi/linux/ethtool.h,
  // ethtool_rx_flow_spec ("classified according to the first (lowest numbered) rule").
  [[nodiscard]] const FlowRule* Lookup(const Headers& headers) const;

  [[nodiscard]] const std::map<std::uint32_t, FlowRule>& Rules() const { return rules_; }

 private:
  std::size_t capacity_;
  std::map<std::uint32_t, FlowRule> rules_;
};

}  // namespace vnic
