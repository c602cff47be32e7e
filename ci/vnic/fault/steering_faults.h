// Steering (net/steering.h) as a NIC with faults does it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "ci/vnic/fault/faults.h"
#include "ci/vnic/net/steering.h"

namespace vnic {

// Those of any NIC; kRssContextIgnored needs RSS contexts.
inline constexpr FaultSet kSteeringFaults{Fault::kRuleIgnored, Fault::kRuleWrongQueue,
                                          Fault::kRuleTooWide, Fault::kRuleDeleteIgnored,
                                          Fault::kRssTableIgnored};

// The rules that the driver has deleted, as far as they still match (rule-delete-ignored).
template <typename Rule>
class Revenants {
 public:
  explicit Revenants(Faults& faults) : faults_(faults) {}

  // The driver has deleted a rule.
  void Deleted(const Rule& rule) {
    if (rules_.size() >= kMost || !faults_.Bites(Fault::kRuleDeleteIgnored)) return;
    rules_.emplace_back(rule, Scar{}).second.Leave(faults_);
  }
  // As after power-on.
  void Clear() { rules_.clear(); }

  // nullptr: there is none that `matches`.
  template <typename Matches>
  [[nodiscard]] const Rule* Find(const Matches& matches) const {
    for (const auto& [rule, scar] : rules_) {
      if (scar.In(faults_) && matches(rule)) return &rule;
    }
    return nullptr;
  }

 private:
  static constexpr std::size_t kMost = 1024;

  Faults& faults_;
  std::vector<std::pair<Rule, Scar>> rules_;
};

class SteeringFaults {
 public:
  explicit SteeringFaults(Faults& faults) : faults_(faults), deleted_(faults) {}

  [[nodiscard]] std::optional<Destination> Steer(
      const Headers& headers, const FlowTable& flows,
      const std::map<std::uint32_t, RssContext>& contexts) const;
  // Returns whether the NIC spreads this packet over all its queues, whatever its table says.
  [[nodiscard]] bool IgnoresTable(const Destination& to) const;

  // The driver has deleted a rule.
  void Deleted(const FlowRule& rule) { deleted_.Deleted(rule); }
  // As after power-on.
  void Reset() { deleted_.Clear(); }

 private:
  [[nodiscard]] const FlowRule* RuleFor(const Headers& headers, const FlowTable& flows) const;
  // Returns the action of the rule that matches, or that of no rule (RSS).
  [[nodiscard]] FlowAction ActionFor(const Headers& headers, const FlowTable& flows) const;

  Faults& faults_;
  Revenants<FlowRule> deleted_;
};

}  // namespace vnic
