#include "support/nic/flow_rule.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "support/base/kill_point.h"

namespace zcrx {
namespace {

// More rules than any NIC has: limits what is allocated if a driver reports nonsense.
constexpr uint32_t kMostRules = 1U << 17;

template <typename T>
std::string AddressText(int family, const T& address) {
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(family, &address, text, sizeof(text)) ? text : "?";
}

std::string AddressText(const FlowRule::Address& address) {
  if (const auto* v4 = std::get_if<in_addr>(&address)) return AddressText(AF_INET, *v4);
  return AddressText(AF_INET6, std::get<in6_addr>(address));
}

bool SameAddress(const std::optional<FlowRule::Address>& a,
                 const std::optional<FlowRule::Address>& b) {
  if (a.has_value() != b.has_value()) return false;
  return !a || (a->index() == b->index() && AddressText(*a) == AddressText(*b));
}

// In the kernel's flow specs, bits that are 1 in the mask are compared; the ethtool program shows
// inverted masks.
void PutPort(const std::optional<uint16_t>& port, __be16& value, __be16& mask) {
  if (!port) return;
  value = htons(*port);
  mask = UINT16_MAX;
}

// `Wanted` is in_addr or in6_addr, of the size of `value`.
template <typename Wanted, typename Field>
bool PutAddress(const std::optional<FlowRule::Address>& address, Field& value, Field& mask) {
  if (!address) return true;
  const auto* wanted = std::get_if<Wanted>(&*address);
  if (!wanted) return false;
  static_assert(sizeof(Field) == sizeof(Wanted));
  std::memcpy(&value, wanted, sizeof(value));
  std::memset(&mask, 0xff, sizeof(mask));
  return true;
}

enum class Mask { kNone, kAll, kPart };

template <typename Field>
Mask MaskOf(const Field& mask) {
  unsigned char bytes[sizeof(Field)];
  std::memcpy(bytes, &mask, sizeof(mask));
  if (std::ranges::all_of(bytes, [](unsigned char byte) { return byte == 0; })) return Mask::kNone;
  if (std::ranges::all_of(bytes, [](unsigned char byte) { return byte == 0xff; })) {
    return Mask::kAll;
  }
  return Mask::kPart;
}

bool TakePort(__be16 value, __be16 mask, std::optional<uint16_t>& port) {
  if (MaskOf(mask) == Mask::kAll) port = ntohs(value);
  return MaskOf(mask) != Mask::kPart;
}

template <typename Wanted, typename Field>
bool TakeAddress(const Field& value, const Field& mask, std::optional<FlowRule::Address>& address) {
  if (MaskOf(mask) == Mask::kAll) {
    Wanted wanted;
    std::memcpy(&wanted, &value, sizeof(wanted));
    address = wanted;
  }
  return MaskOf(mask) != Mask::kPart;
}

// tcp_ip4_spec and tcp_ip6_spec have the same fields under different names.
template <typename Address, typename Spec, typename Field>
bool PutSpec(const FlowRule& rule, Spec& value, Spec& mask, Field Spec::* source,
             Field Spec::* destination) {
  PutPort(rule.source_port, value.psrc, mask.psrc);
  PutPort(rule.destination_port, value.pdst, mask.pdst);
  return PutAddress<Address>(rule.source, value.*source, mask.*source) &&
         PutAddress<Address>(rule.destination, value.*destination, mask.*destination);
}

template <typename Address, typename Spec, typename Field>
bool TakeSpec(const Spec& value, const Spec& mask, Field Spec::* source, Field Spec::* destination,
              FlowRule& rule) {
  return TakePort(value.psrc, mask.psrc, rule.source_port) &&
         TakePort(value.pdst, mask.pdst, rule.destination_port) &&
         TakeAddress<Address>(value.*source, mask.*source, rule.source) &&
         TakeAddress<Address>(value.*destination, mask.*destination, rule.destination);
}

struct Table {
  std::vector<uint32_t> taken;
  uint32_t size = 0;
};

struct Count {
  uint32_t rules = 0;
  bool driver_chooses = false;  // RX_CLS_LOC_SPECIAL: accepts RX_CLS_LOC_ANY as location
};

Result<Count> GetCount(Nic& nic, const std::string& operation) {
  ethtool_rxnfc request{};
  request.cmd = ETHTOOL_GRXCLSRLCNT;
  ZCRX_RETURN_IF_ERROR(nic.Ioctl(operation, &request));
  return Count{.rules = request.rule_cnt,
               .driver_chooses = (request.data & RX_CLS_LOC_SPECIAL) != 0};
}

Result<Table> GetTable(Nic& nic, uint32_t rules, const std::string& operation) {
  if (rules > kMostRules) {
    return Fail(operation, EBADMSG, fmt::format("the driver reports {} rules", rules));
  }
  // The locations follow the struct, which is aligned to 8 bytes.
  std::vector<uint64_t> buffer((sizeof(ethtool_rxnfc) + rules * sizeof(uint32_t) + 7) / 8);
  ethtool_rxnfc request{};
  request.cmd = ETHTOOL_GRXCLSRLALL;
  request.rule_cnt = rules;
  std::memcpy(buffer.data(), &request, sizeof(request));
  ZCRX_RETURN_IF_ERROR(nic.Ioctl(operation, buffer.data()));
  std::memcpy(&request, buffer.data(), sizeof(request));

  Table table;
  table.size = static_cast<uint32_t>(request.data);
  table.taken.resize(std::min(rules, request.rule_cnt));
  const auto* locations =
      reinterpret_cast<const char*>(buffer.data()) + offsetof(ethtool_rxnfc, rule_locs);
  if (!table.taken.empty()) {
    std::memcpy(table.taken.data(), locations, table.taken.size() * sizeof(uint32_t));
  }
  return table;
}

// Chooses a location as the ethtool program does for drivers that cannot choose one.
Result<uint32_t> ChooseLocation(Nic& nic, const std::string& operation) {
  ZCRX_ASSIGN_OR_RETURN(const Count count, GetCount(nic, operation + ": count rules"));
  if (count.driver_chooses) return RX_CLS_LOC_ANY;
  ZCRX_ASSIGN_OR_RETURN(const Table table, GetTable(nic, count.rules, operation + ": list rules"));
  if (const auto free = HighestFreeLocation(table.taken, table.size)) return *free;
  return Fail(operation, ENOSPC,
              fmt::format("all {} entries of the device's rule table are in use", table.size));
}

ethtool_rx_flow_spec Spec(const RawFlowRule& rule) {
  ethtool_rx_flow_spec spec;
  std::memcpy(&spec, rule.spec.data(), sizeof(spec));
  return spec;
}

std::string TypeText(uint32_t flow_type) {
  switch (flow_type & ~static_cast<uint32_t>(FLOW_RSS | FLOW_EXT | FLOW_MAC_EXT)) {
    case TCP_V4_FLOW:
      return "tcp4";
    case TCP_V6_FLOW:
      return "tcp6";
    case UDP_V4_FLOW:
      return "udp4";
    case UDP_V6_FLOW:
      return "udp6";
    case IPV4_USER_FLOW:
      return "ip4";
    case IPV6_USER_FLOW:
      return "ip6";
    case ETHER_FLOW:
      return "ether";
    default:
      return fmt::format("flow type {:#x}", flow_type);
  }
}

// Returns the queue of a spec. RX_CLS_FLOW_DISC, RX_CLS_FLOW_WAKE and queues of virtual functions
// are above ETHTOOL_RX_FLOW_SPEC_RING.
std::optional<uint32_t> QueueOf(const ethtool_rx_flow_spec& spec) {
  if (spec.flow_type & FLOW_RSS || spec.ring_cookie > ETHTOOL_RX_FLOW_SPEC_RING) return {};
  return static_cast<uint32_t>(spec.ring_cookie);
}

// Returns where the rule is then.
Result<uint32_t> Insert(Nic& nic, const std::string& operation, const EncodedRule& rule) {
  ethtool_rxnfc request{};
  request.cmd = ETHTOOL_SRXCLSRLINS;
  request.fs = rule.fs;
  request.rss_context = rule.rss_context;
  ZCRX_RETURN_IF_ERROR(nic.Ioctl(operation, &request));
  return request.fs.location;
}

std::string TargetText(const EncodedRule& rule) {
  if (rule.fs.flow_type & FLOW_RSS) return fmt::format("RSS context {}", rule.rss_context);
  if (rule.fs.ring_cookie == RX_CLS_FLOW_DISC) return "nowhere";
  if (const auto queue = QueueOf(rule.fs)) return fmt::format("queue {}", *queue);
  return fmt::format("{:#x}", rule.fs.ring_cookie);
}

RawFlowRule At(RawFlowRule rule, uint32_t location) {
  std::memcpy(rule.spec.data() + offsetof(ethtool_rx_flow_spec, location), &location,
              sizeof(location));
  return rule;
}

}  // namespace

std::string FlowRule::Text() const {
  std::string text = ip == Ip::kV4 ? "tcp4" : "tcp6";
  if (source) text += " src-ip " + AddressText(*source);
  if (destination) text += " dst-ip " + AddressText(*destination);
  if (source_port) text += fmt::format(" src-port {}", *source_port);
  if (destination_port) text += fmt::format(" dst-port {}", *destination_port);
  if (const auto* queue = std::get_if<ToQueue>(&action)) {
    return text + fmt::format(" to queue {}", queue->queue);
  }
  return text + fmt::format(" to RSS context {}", std::get<ToRssContext>(action).context);
}

bool operator==(const FlowRule& a, const FlowRule& b) {
  return a.ip == b.ip && SameAddress(a.source, b.source) &&
         SameAddress(a.destination, b.destination) && a.source_port == b.source_port &&
         a.destination_port == b.destination_port && a.action == b.action &&
         a.location == b.location;
}

Result<EncodedRule> EncodeFlowRule(const FlowRule& rule) {
  EncodedRule encoded;
  auto& value = encoded.fs.h_u;
  auto& mask = encoded.fs.m_u;
  bool fits = false;
  if (rule.ip == FlowRule::Ip::kV4) {
    encoded.fs.flow_type = TCP_V4_FLOW;
    fits = PutSpec<in_addr>(rule, value.tcp_ip4_spec, mask.tcp_ip4_spec,
                            &ethtool_tcpip4_spec::ip4src, &ethtool_tcpip4_spec::ip4dst);
  } else {
    encoded.fs.flow_type = TCP_V6_FLOW;
    fits = PutSpec<in6_addr>(rule, value.tcp_ip6_spec, mask.tcp_ip6_spec,
                             &ethtool_tcpip6_spec::ip6src, &ethtool_tcpip6_spec::ip6dst);
  }
  if (!fits) {
    return Fail("encode flow rule " + rule.Text(), EINVAL,
                "an address and the rule differ in IP version");
  }
  if (const auto* queue = std::get_if<ToQueue>(&rule.action)) {
    encoded.fs.ring_cookie = queue->queue;
  } else {
    // The context's table chooses the queue; ring_cookie would be added to the entry.
    encoded.fs.flow_type |= FLOW_RSS;
    encoded.rss_context = std::get<ToRssContext>(rule.action).context;
  }
  encoded.fs.location = rule.location.value_or(RX_CLS_LOC_ANY);
  return encoded;
}

Result<FlowRule> DecodeFlowRule(const EncodedRule& encoded) {
  const ethtool_rx_flow_spec& spec = encoded.fs;
  const std::string operation = fmt::format("read flow rule {}", spec.location);
  FlowRule rule;
  bool whole = false;
  switch (spec.flow_type & ~static_cast<uint32_t>(FLOW_RSS)) {
    case TCP_V4_FLOW:
      rule.ip = FlowRule::Ip::kV4;
      whole = spec.m_u.tcp_ip4_spec.tos == 0 &&
              TakeSpec<in_addr>(spec.h_u.tcp_ip4_spec, spec.m_u.tcp_ip4_spec,
                                &ethtool_tcpip4_spec::ip4src, &ethtool_tcpip4_spec::ip4dst, rule);
      break;
    case TCP_V6_FLOW:
      rule.ip = FlowRule::Ip::kV6;
      whole = spec.m_u.tcp_ip6_spec.tclass == 0 &&
              TakeSpec<in6_addr>(spec.h_u.tcp_ip6_spec, spec.m_u.tcp_ip6_spec,
                                 &ethtool_tcpip6_spec::ip6src, &ethtool_tcpip6_spec::ip6dst, rule);
      break;
    default:
      return Fail(operation, 0, fmt::format("flow type {:#x} is not a TCP rule", spec.flow_type));
  }
  if (!whole) return Fail(operation, 0, "it matches part of a field, or the traffic class");
  if (spec.flow_type & FLOW_RSS) {
    rule.action = ToRssContext{encoded.rss_context};
  } else if (const auto queue = QueueOf(spec)) {
    rule.action = ToQueue{*queue};
  } else {
    return Fail(operation, 0, fmt::format("it does not lead to a queue ({:#x})", spec.ring_cookie));
  }
  rule.location = spec.location;
  return rule;
}

uint32_t RawFlowRule::Location() const { return Spec(*this).location; }

std::optional<uint32_t> RawFlowRule::Queue() const { return QueueOf(Spec(*this)); }

std::string RawFlowRule::Text() const {
  const EncodedRule encoded = {.fs = Spec(*this), .rss_context = context};
  const Result<FlowRule> known = DecodeFlowRule(encoded);
  if (known.has_value()) return known->Text();
  return fmt::format("{} ... to {}", TypeText(encoded.fs.flow_type), TargetText(encoded));
}

std::optional<uint32_t> HighestFreeLocation(const std::vector<uint32_t>& taken, uint32_t size) {
  std::vector<uint32_t> sorted = taken;
  std::ranges::sort(sorted, std::greater<>());
  uint32_t candidate = size;  // one above the highest location
  for (const uint32_t location : sorted) {
    if (candidate == 0 || location + 1ULL < candidate) break;
    if (location + 1ULL == candidate) --candidate;
  }
  if (candidate == 0) return std::nullopt;
  return candidate - 1;
}

Result<uint32_t> InsertFlowRule(Nic& nic, const FlowRule& rule) {
  const KillPoints points("insert_rule");
  const std::string operation = fmt::format("add flow rule to {} ({})", nic.Name(), rule.Text());
  ZCRX_ASSIGN_OR_RETURN(EncodedRule encoded, EncodeFlowRule(rule));
  if (!rule.location) {
    ZCRX_ASSIGN_OR_RETURN(encoded.fs.location, ChooseLocation(nic, operation));
  }
  return Insert(nic, operation, encoded);
}

Status DeleteFlowRule(Nic& nic, uint32_t location) {
  const KillPoints points("delete_rule");
  ethtool_rxnfc request{};
  request.cmd = ETHTOOL_SRXCLSRLDEL;
  request.fs.location = location;
  return nic.Ioctl(fmt::format("delete flow rule {} of {}", location, nic.Name()), &request);
}

Result<std::vector<uint32_t>> GetFlowRuleLocations(Nic& nic) {
  const std::string operation = "list flow rules of " + nic.Name();
  ZCRX_ASSIGN_OR_RETURN(const Count count, GetCount(nic, operation));
  ZCRX_ASSIGN_OR_RETURN(Table table, GetTable(nic, count.rules, operation));
  return std::move(table.taken);
}

namespace {

RawFlowRule Raw(const EncodedRule& encoded) {
  RawFlowRule rule;
  std::memcpy(rule.spec.data(), &encoded.fs, rule.spec.size());
  if (encoded.fs.flow_type & FLOW_RSS) rule.context = encoded.rss_context;
  return rule;
}

Result<EncodedRule> GetRule(Nic& nic, uint32_t location) {
  ethtool_rxnfc answer{};
  answer.cmd = ETHTOOL_GRXCLSRULE;
  answer.fs.location = location;
  ZCRX_RETURN_IF_ERROR(
      nic.Ioctl(fmt::format("get flow rule {} of {}", location, nic.Name()), &answer));
  return EncodedRule{.fs = answer.fs, .rss_context = answer.rss_context};
}

}  // namespace

Result<RawFlowRule> GetRawFlowRule(Nic& nic, uint32_t location, FlowRule asked) {
  if (const auto shown = GetRule(nic, location)) return Raw(*shown);
  asked.location = location;
  ZCRX_ASSIGN_OR_RETURN(const EncodedRule encoded, EncodeFlowRule(asked));
  return Raw(encoded);
}

Result<FlowRules> GetFlowRules(Nic& nic) {
  const std::string operation = "list flow rules of " + nic.Name();
  ZCRX_ASSIGN_OR_RETURN(const Count count, GetCount(nic, operation));
  ZCRX_ASSIGN_OR_RETURN(const Table table, GetTable(nic, count.rules, operation));
  FlowRules all = {.driver_numbers = count.driver_chooses};
  for (const uint32_t location : table.taken) {
    ZCRX_ASSIGN_OR_RETURN(const EncodedRule rule, GetRule(nic, location));
    all.rules.push_back(Raw(rule));
  }
  std::ranges::sort(all.rules, {}, &RawFlowRule::Location);
  return all;
}

std::vector<RawFlowRule> MissingRules(const FlowRules& rules, const FlowRules& in) {
  const bool anywhere = rules.driver_numbers && in.driver_numbers;
  std::vector<RawFlowRule> others = in.rules;
  std::vector<RawFlowRule> missing;
  for (const RawFlowRule& rule : rules.rules) {
    const auto same = std::ranges::find_if(others, [&](const RawFlowRule& other) {
      return other == rule || (anywhere && At(other, rule.Location()) == rule);
    });
    if (same == others.end()) {
      missing.push_back(rule);
    } else {
      others.erase(same);
    }
  }
  return missing;
}

Result<uint32_t> InsertFlowRule(Nic& nic, const RawFlowRule& rule, bool driver_numbers) {
  const KillPoints points("put_back_rule");
  EncodedRule encoded = {.fs = Spec(rule)};
  if (driver_numbers) encoded.fs.location = RX_CLS_LOC_ANY;
  if (encoded.fs.flow_type & FLOW_RSS) encoded.rss_context = rule.context;
  return Insert(
      nic,
      fmt::format("put back flow rule {} of {} ({})", rule.Location(), nic.Name(), rule.Text()),
      encoded);
}

Result<FlowRule> GetFlowRule(Nic& nic, uint32_t location) {
  ZCRX_ASSIGN_OR_RETURN(const EncodedRule rule, GetRule(nic, location));
  return DecodeFlowRule(rule);
}

}  // namespace zcrx
