// The admin commands that steer packets: RSS and flow rules.
#include <algorithm>
#include <vector>

#include "ci/vnic/gve/control_plane.h"

namespace vnic::gve {
namespace {

constexpr std::uint16_t kDefaultTypes = kHashTcpv4 | kHashUdpv4 | kHashTcpv6 | kHashUdpv6;
// Any key with well-mixed bits does; the driver reads it back.
constexpr ToeplitzKey kDefaultKey = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                     0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                     0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                     0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

HashTypes TypesOf(std::uint16_t bits) {
  return {.ipv4 = (bits & kHashIpv4) != 0,
          .ipv4_tcp = (bits & kHashTcpv4) != 0,
          .ipv4_udp = (bits & kHashUdpv4) != 0,
          .ipv6 = (bits & kHashIpv6) != 0,
          .ipv6_tcp = (bits & kHashTcpv6) != 0,
          .ipv6_udp = (bits & kHashUdpv6) != 0};
}

// nullopt: a kind of flow that this NIC does not steer (SCTP, AH, ESP).
std::optional<FlowMatch> MatchOf(const WireFlowRule& rule) {
  FlowMatch match;
  switch (static_cast<FlowType>(std::uint16_t{rule.flow_type})) {
    case FlowType::kTcpv4:
      match.network = Network::kIpv4;
      match.protocol = kProtocolTcp;
      break;
    case FlowType::kUdpv4:
      match.network = Network::kIpv4;
      match.protocol = kProtocolUdp;
      break;
    case FlowType::kTcpv6:
      match.network = Network::kIpv6;
      match.protocol = kProtocolTcp;
      break;
    case FlowType::kUdpv6:
      match.network = Network::kIpv6;
      match.protocol = kProtocolUdp;
      break;
    default:
      return std::nullopt;
  }
  match.source = {.value = rule.key.source, .mask = rule.mask.source};
  match.destination = {.value = rule.key.destination, .mask = rule.mask.destination};
  match.traffic_class = {.value = rule.key.traffic_class, .mask = rule.mask.traffic_class};
  match.source_port = {.value = rule.key.source_port, .mask = rule.mask.source_port};
  match.destination_port = {.value = rule.key.destination_port, .mask = rule.mask.destination_port};
  if (match.network == Network::kIpv4) {
    // Addresses have four bytes; the bytes after them mean nothing.
    std::ranges::fill(match.source.mask.begin() + 4, match.source.mask.end(), std::uint8_t{0});
    std::ranges::fill(match.destination.mask.begin() + 4, match.destination.mask.end(),
                      std::uint8_t{0});
  }
  return match;
}

}  // namespace

// The driver leaves RSS to the device until its user changes it (gve_main.c, gve_init_rss_config),
// and until then does not say how many queues there are.
void ControlPlane::ResetSteering() {
  flows_.Clear();
  wire_rules_.clear();
  contexts_.clear();
  contexts_[kDefaultContext] = {.key = kDefaultKey,
                                .types = TypesOf(kDefaultTypes),
                                .indirection = std::vector<std::uint32_t>(kRssTableSize, 0)};
  hash_types_ = kDefaultTypes;
  table_configured_ = false;
  steering_.Reset();
}

std::optional<Destination> ControlPlane::QueueOf(const Headers& headers) const {
  auto to = steering_.Steer(headers, flows_, contexts_);
  const std::uint32_t queues = QueuesToSpreadOver();
  if (to && queues > 0 && steering_.IgnoresTable(*to)) {
    to->queue = (to->hash ? to->hash->value : 0) % queues;
  }
  return to;
}

// Up to the highest that there is.
std::uint32_t ControlPlane::QueuesToSpreadOver() const {
  std::uint32_t queues = 0;
  for (std::uint32_t id = 0; id < rx_.size(); ++id) {
    if (rx_[id]) queues = id + 1;
  }
  return queues;
}

// Spreads over all queues. Called when a queue is created, not when one is destroyed: restarting a
// queue must not move the flows of the others, and a driver that wants fewer queues destroys all of
// them first.
void ControlPlane::SpreadByDefault() {
  if (table_configured_) return;
  const std::uint32_t queues = QueuesToSpreadOver();
  if (queues == 0) return;
  auto& table = contexts_.at(kDefaultContext).indirection;
  for (std::uint32_t slot = 0; slot < table.size(); ++slot) table[slot] = slot % queues;
}

ControlPlane::Outcome ControlPlane::Change(const ConfigureRss& request) {
  RssContext context = contexts_.at(kDefaultContext);
  if (request.hash_algorithm != 0 && request.hash_algorithm != kHashToeplitz) {
    return Refuse(AdminStatus::kUnimplemented,
                  fmt::format("hash algorithm {}", request.hash_algorithm));
  }
  if (request.key_size != 0) {
    const auto key = slot_.memory.Readable(request.key, kRssKeySize);
    if (request.key_size != kRssKeySize || key.empty()) {
      return Refuse(AdminStatus::kInvalidArgument,
                    fmt::format("RSS key of {} bytes", std::uint16_t{request.key_size}));
    }
    std::ranges::copy(key, context.key.begin());
  }
  if (request.table_size != 0) {
    const auto table = slot_.memory.Load<std::array<Be32, kRssTableSize>>(request.table);
    if (request.table_size != kRssTableSize || !table) {
      return Refuse(AdminStatus::kInvalidArgument,
                    fmt::format("RSS table of {} entries", std::uint16_t{request.table_size}));
    }
    if (std::ranges::any_of(*table, [](std::uint32_t queue) { return queue >= kMaxQueues; })) {
      return Refuse(AdminStatus::kInvalidArgument, "RSS table names a queue that cannot be");
    }
    context.indirection.assign(table->begin(), table->end());
    table_configured_ = true;
  }
  hash_types_ = request.hash_types;
  context.types = TypesOf(hash_types_);
  contexts_[kDefaultContext] = std::move(context);
  return {};
}

ControlPlane::Outcome ControlPlane::Query(const QueryRss& request) const {
  const RssContext& context = contexts_.at(kDefaultContext);
  std::vector<std::uint8_t> reply(sizeof(QueryRssReply) + kRssKeySize +
                                  kRssTableSize * sizeof(Be32));
  if (reply.size() > request.available_length) {
    return Refuse(AdminStatus::kResourceExhausted, "RSS reply does not fit");
  }
  StoreAt(reply, 0,
          QueryRssReply{.total_length = static_cast<std::uint32_t>(reply.size()),
                        .hash_types = hash_types_,
                        .hash_algorithm = kHashToeplitz});
  std::size_t offset = sizeof(QueryRssReply);
  StoreAt(reply, offset, context.key);
  offset += kRssKeySize;
  for (const std::uint32_t queue : context.indirection) {
    StoreAt(reply, offset, Be32(queue));
    offset += sizeof(Be32);
  }
  return Write(request.address, reply);
}

ControlPlane::Outcome ControlPlane::Change(const ConfigureFlowRule& request) {
  const std::uint32_t location = request.location;
  switch (static_cast<FlowRuleChange>(std::uint16_t{request.opcode})) {
    case FlowRuleChange::kAdd:
      return Add(request);
    case FlowRuleChange::kDelete:
      if (const auto rule = flows_.Rules().find(location); rule != flows_.Rules().end()) {
        steering_.Deleted(rule->second);
      }
      if (const auto removed = flows_.Remove(location); !removed) {
        return Refuse(AdminStatus::kNotFound, removed.error().Text());
      }
      wire_rules_.erase(location);
      return {};
    case FlowRuleChange::kReset:
      flows_.Clear();
      wire_rules_.clear();
      return {};
  }
  return Refuse(AdminStatus::kUnimplemented,
                fmt::format("flow rule operation {}", std::uint16_t{request.opcode}));
}

ControlPlane::Outcome ControlPlane::Add(const ConfigureFlowRule& request) {
  const std::uint32_t location = request.location;
  const std::uint32_t queue = request.rule.queue;
  if (location >= kMaxFlowRules || queue >= kMaxQueues) {
    return Refuse(AdminStatus::kInvalidArgument,
                  fmt::format("flow rule {} into queue {}", location, queue));
  }
  const std::optional<FlowMatch> match = MatchOf(request.rule);
  if (!match) {
    return Refuse(AdminStatus::kUnimplemented,
                  fmt::format("flow type {}", std::uint16_t{request.rule.flow_type}));
  }
  const auto added = flows_.Add(location, {.match = *match, .action = {.queue = queue}});
  if (!added) {
    return Refuse(added.error().code == EEXIST ? AdminStatus::kAlreadyExists
                                               : AdminStatus::kResourceExhausted,
                  added.error().Text());
  }
  wire_rules_[location] = request.rule;
  return {};
}

ControlPlane::Outcome ControlPlane::Query(const QueryFlowRules& request) const {
  std::vector<std::uint8_t> reply(sizeof(QueryFlowRulesReply));
  const std::uint64_t available = request.available_length;
  std::uint32_t queried = 0;
  const auto append = [&](const auto& record) {
    if (reply.size() + sizeof record > available) return false;
    reply.resize(reply.size() + sizeof record);
    StoreAt(reply, reply.size() - sizeof record, record);
    ++queried;
    return true;
  };
  const auto query = static_cast<FlowRuleQuery>(std::uint16_t{request.opcode});
  if (query != FlowRuleQuery::kRules && query != FlowRuleQuery::kIds &&
      query != FlowRuleQuery::kStats) {
    return Refuse(AdminStatus::kUnimplemented,
                  fmt::format("flow rule query {}", std::uint16_t{request.opcode}));
  }
  // As many as fit; the driver asks again from where they end.
  for (auto rule = wire_rules_.lower_bound(request.starting_rule_id); rule != wire_rules_.end();
       ++rule) {
    if (query == FlowRuleQuery::kRules &&
        !append(QueriedFlowRule{.location = rule->first, .rule = rule->second})) {
      break;
    }
    if (query == FlowRuleQuery::kIds && !append(Be32(rule->first))) break;
  }
  StoreAt(reply, 0,
          QueryFlowRulesReply{.num_flow_rules = static_cast<std::uint32_t>(wire_rules_.size()),
                              .max_flow_rules = kMaxFlowRules,
                              .num_queried_rules = queried,
                              .total_length = static_cast<std::uint32_t>(reply.size())});
  if (reply.size() > available) {
    return Refuse(AdminStatus::kResourceExhausted, "flow rule reply does not fit");
  }
  return Write(request.address, reply);
}

}  // namespace vnic::gve
