#include "ci/vnic/fault/steering_faults.h"

namespace vnic {
namespace {

// The same for all ports.
FlowMatch Widened(FlowMatch match) {
  match.source_port = {};
  match.destination_port = {};
  return match;
}

}  // namespace

std::optional<Destination> SteeringFaults::Steer(
    const Headers& headers, const FlowTable& flows,
    const std::map<std::uint32_t, RssContext>& contexts) const {
  if (faults_.None()) return vnic::Steer(headers, flows, contexts);
  return Follow(ActionFor(headers, flows), headers, contexts);
}

bool SteeringFaults::IgnoresTable(const Destination& to) const {
  return !to.queue_by_rule && to.context == kDefaultContext &&
         faults_.Bites(Fault::kRssTableIgnored);
}

const FlowRule* SteeringFaults::RuleFor(const Headers& headers, const FlowTable& flows) const {
  if (const FlowRule* rule = flows.Lookup(headers)) return rule;
  const auto matches = [&](const FlowRule& rule) { return Matches(rule.match, headers); };
  if (const FlowRule* rule = deleted_.Find(matches)) return rule;
  if (!faults_.IsSet(Fault::kRuleTooWide) || headers.transport != Transport::kTcp) return nullptr;
  for (const auto& [location, rule] : flows.Rules()) {
    if (Matches(Widened(rule.match), headers) && faults_.Bites(Fault::kRuleTooWide)) return &rule;
  }
  return nullptr;
}

FlowAction SteeringFaults::ActionFor(const Headers& headers, const FlowTable& flows) const {
  const FlowRule* rule = RuleFor(headers, flows);
  if (rule == nullptr || faults_.Bites(Fault::kRuleIgnored)) return {};
  const FlowAction action = rule->action;
  const bool into_context = !action.queue && action.context != kDefaultContext;
  if (into_context && faults_.Bites(Fault::kRssContextIgnored)) return {};
  const std::uint32_t wrong = faults_.Number(Fault::kRuleWrongQueue);
  if (action.queue != wrong && faults_.Bites(Fault::kRuleWrongQueue)) return {.queue = wrong};
  return action;
}

}  // namespace vnic
