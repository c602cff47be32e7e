// Steering (net/steering.h) as a NIC with faults does it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "ci/vnic/fault/faults.h"
#include "ci/vnic/net/steering.h"

namespace vnic {

// Those of any NIC; kRssContextIgnored needs RSS contexts.
inline constexpr FaultSet kSteeringFaults{Fault::kRuleIgnored, Fault::kRuleWrongQueue,
                                          Fault::kRuleTooWide, Fault::kRuleDeleteIgnored,
                                          Fault::kRssTableIgnored};

class SteeringFaults {
 public:
  explicit SteeringFaults(Faults& faults) : faults_(faults) {}

  [[nodiscard]] std::optional<Destination> Steer(
      const Headers& headers, const FlowTable& flows,
      const std::map<std::uint32_t, RssContext>& contexts) const;
  // Returns whether the NIC spreads this packet over all its queues, whatever its table says.
  [[nodiscard]] bool IgnoresTable(const Destination& to) const;

  // The driver has deleted a rule.
  void Deleted(const FlowRule& rule);
  // As after power-on.
  void Reset() { deleted_.clear(); }

 private:
  // A deleted rule that still matches.
  struct Revenant {
    FlowRule rule;
    Scar scar;
  };
  static constexpr std::size_t kMostRevenants = 1024;

  [[nodiscard]] const FlowRule* RuleFor(const Headers& headers, const FlowTable& flows) const;
  // Returns the action of the rule that matches, or that of no rule (RSS).
  [[nodiscard]] FlowAction ActionFor(const Headers& headers, const FlowTable& flows) const;

  Faults& faults_;
  std::vector<Revenant> deleted_;
};

}  // namespace vnic
