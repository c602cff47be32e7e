#include "test/unit/fake_nic.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace zcrx {
namespace {

constexpr uint32_t kMostQueues = 8;
constexpr uint32_t kMostDescriptors = 2048;
constexpr uint32_t kTableSize = 16;
constexpr uint32_t kMostContexts = 4;
constexpr uint32_t kMostRules = 8;
constexpr uint32_t kLeastMtu = 68;
constexpr uint32_t kMostMtu = 9000;

RawFlowRule At(RawFlowRule rule, uint32_t location) {
  std::memcpy(rule.spec.data() + offsetof(ethtool_rx_flow_spec, location), &location,
              sizeof(location));
  return rule;
}

}  // namespace

FakeNic::FakeNic(const FakeDriver& of) : driver(of) {
  const Channels::Kind four = {.count = 4, .max = kMostQueues};
  if (driver.combined) {
    channels.combined = four;
  } else {
    channels.rx = four;
    channels.tx = four;
  }
  rings = {.rx = 512, .rx_max = kMostDescriptors, .tx = 512, .tx_max = kMostDescriptors};
  if (driver.jumbo_ring) rings.rx_jumbo = 4 * *rings.rx;
  if (driver.has_hds_thresh) {
    rings.hds_thresh = 256;
    rings.hds_thresh_max = 1023;
  }
  for (const auto name : {kGro, kHwGro, kNtuple}) {
    const bool on = name == kGro;
    features[std::string(name)] = {.active = on, .wanted = on, .changeable = true};
  }
  features["loopback"] = {};
  if (driver.has_rss) {
    rss = {.table = DefaultRssTable(kTableSize, RxQueues()),
           .key = std::vector<std::byte>(8, std::byte{0x5a}),
           .hash_function = 1,
           .input_transform = 0};
  }
}

bool FakeNic::SplitIsOn() const {
  if (split != TcpDataSplit::kUnknown) return split == TcpDataSplit::kEnabled;
  return driver.split_follows_hw_gro && features.at(std::string(kHwGro)).active;
}

Rings FakeNic::ShownRings() const {
  Rings shown = rings;
  if (!SplitIsOn()) shown.rx_jumbo.reset();
  shown.tcp_data_split = SplitIsOn() ? TcpDataSplit::kEnabled : TcpDataSplit::kDisabled;
  return shown;
}

bool FakeNic::Leads(const RssTable& table, uint32_t queues) const {
  return LeadsBeyond(table, queues);
}

// What a feature depends on switches it; not off, where it is kept on.
void FakeNic::FixFeatures() {
  Feature& hw_gro = features.at(std::string(kHwGro));
  const bool split_on = split == TcpDataSplit::kEnabled;
  if (split_on && driver.split_wants_hw_gro) hw_gro.active = true;
  if (driver.split_forbids_hw_gro) hw_gro.active = hw_gro.wanted && !split_on;
  if (driver.hw_gro_needs_gro && !features.at(std::string(kGro)).active) hw_gro.active = false;
}

// The device is stopped and started again, where it runs.
void FakeNic::Reset() {
  if (driver.resets_drop_rules && up && !rules.empty()) {
    rules.clear();
    ++changes["dropped"];
  }
  FixFeatures();
}

int FakeNic::SetUp(bool wanted) {
  up = wanted;
  return Changed("link");
}

int FakeNic::SetMtu(uint32_t bytes) {
  if (bytes < kLeastMtu || bytes > kMostMtu) return EINVAL;
  mtu = bytes;
  Reset();
  return Changed("mtu");
}

int FakeNic::AskForFeatures(const std::map<std::string, bool>& wanted) {
  bool differs = false;
  for (const auto& [name, on] : wanted) {
    const auto found = features.find(name);
    if (found == features.end() || !found->second.changeable) return EOPNOTSUPP;
    differs |= found->second.wanted != on;
    found->second.wanted = on;
  }
  // Only then does the kernel look at features at all (ethnl_set_features()).
  if (!differs) return 0;
  for (auto& [name, feature] : features) {
    if (feature.changeable) feature.active = feature.wanted;
  }
  FixFeatures();
  if (!features.at(std::string(kNtuple)).active) rules.clear();
  return Changed("features");
}

// ethnl_set_channels() and ethtool_check_max_channel() in net/ethtool.
int FakeNic::SetChannels(const ChannelsChange& change) {
  Channels next = channels;
  const auto set = [](const std::optional<uint32_t>& count, std::optional<Channels::Kind>& kind) {
    if (!count) return true;
    if (!kind || *count > kind->max) return false;
    kind->count = *count;
    return true;
  };
  if (!set(change.rx, next.rx) || !set(change.tx, next.tx) ||
      !set(change.combined, next.combined)) {
    return EINVAL;
  }
  if (next == channels) return 0;
  const uint32_t queues = next.RxQueues();
  if (queues == 0 || !providers.empty()) return EINVAL;
  if (rss && rss_configured && Leads(rss->table, queues)) return EINVAL;
  for (const auto& [number, context] : contexts) {
    if (Leads(context.table, queues)) return EINVAL;
  }
  for (const RawFlowRule& rule : rules) {
    if (rule.Queue().value_or(0) >= queues) return EINVAL;
  }
  channels = next;
  if (rss && !rss_configured && !driver.keeps_useless_table) {
    rss->table = DefaultRssTable(kTableSize, queues);
  }
  Reset();
  return Changed("channels");
}

// ethnl_set_rings() in net/ethtool/rings.c.
int FakeNic::SetRings(const RingsChange& change, bool& told) {
  Rings next = rings;
  if (change.rx) next.rx = change.rx;
  if (change.tx) next.tx = change.tx;
  if (change.hds_thresh && !driver.has_hds_thresh) return EOPNOTSUPP;
  if (change.hds_thresh) next.hds_thresh = change.hds_thresh;
  // What it would be is the driver's to say.
  if (driver.jumbo_ring) next.rx_jumbo = 4 * *next.rx;
  const TcpDataSplit next_split = change.tcp_data_split.value_or(split);
  told = next != rings || next_split != split;
  if (!told) return 0;
  told = false;
  if (!providers.empty() || *next.rx > kMostDescriptors || *next.tx > kMostDescriptors) {
    return EINVAL;
  }
  if (next_split == TcpDataSplit::kDisabled && split != next_split && driver.refuses_split_off) {
    return EINVAL;
  }
  if (next_split == TcpDataSplit::kEnabled && driver.split_wants_hw_gro &&
      !features.at(std::string(kHwGro)).active) {
    return EINVAL;
  }
  rings = next;
  split = next_split;
  told = true;
  Reset();
  return Changed("rings");
}

int FakeNic::SetRss(uint32_t context, const RssChange& change) {
  if (!rss) return EOPNOTSUPP;
  if (!up) return ENETDOWN;
  Rss* const target = context == kMainRssContext   ? &*rss
                      : contexts.contains(context) ? &contexts.at(context)
                                                   : nullptr;
  if (target == nullptr) return ENOENT;
  if (change.table && (change.table->size() != kTableSize || Leads(*change.table, RxQueues()))) {
    return EINVAL;
  }
  if (change.key && change.key->size() != target->key.size()) return EINVAL;
  if (change.table) target->table = *change.table;
  if (change.key) target->key = *change.key;
  if (change.hash_function) target->hash_function = *change.hash_function;
  if (change.input_transform) target->input_transform = *change.input_transform;
  if (context == kMainRssContext && change.table) {
    rss_configured = true;
    Reset();
  }
  return Changed(context == kMainRssContext ? "rss" : "context");
}

int FakeNic::ResetRssTable() {
  if (!rss) return EOPNOTSUPP;
  if (!up) return ENETDOWN;
  rss->table = DefaultRssTable(kTableSize, RxQueues());
  rss_configured = false;
  Reset();
  return Changed("rss");
}

int FakeNic::CreateContext(std::optional<uint32_t> wish, const RssChange& wanted,
                           uint32_t& number) {
  if (!rss) return EOPNOTSUPP;
  if (!up) return ENETDOWN;
  if (!features.at(std::string(kNtuple)).active) return EOPNOTSUPP;
  if (contexts.size() == kMostContexts) return ENOSPC;
  if (wish && contexts.contains(*wish)) return EBUSY;
  number = wish.value_or(1);
  while (contexts.contains(number)) ++number;
  contexts[number] = {.table = rss->table, .key = rss->key, .hash_function = 1};
  const int set = SetRss(number, wanted);
  if (set != 0) contexts.erase(number);
  return set;
}

int FakeNic::DeleteContext(uint32_t number) {
  if (!contexts.contains(number)) return ENOENT;
  for (const RawFlowRule& rule : rules) {
    if (rule.context == number) return EBUSY;
  }
  contexts.erase(number);
  return Changed("context");
}

int FakeNic::InsertRule(RawFlowRule rule, uint32_t& location) {
  if (!features.at(std::string(kNtuple)).active) return EOPNOTSUPP;
  if (!up) return ENETDOWN;
  if (rule.context != 0 && !contexts.contains(rule.context)) return EINVAL;
  if (rule.Queue().value_or(0) >= RxQueues()) return EINVAL;
  const auto at = [&](uint32_t where) {
    return std::ranges::find(rules, where, &RawFlowRule::Location);
  };
  location = rule.Location();
  if (driver.numbers_rules) {
    for (location = 0; at(location) != rules.end();) ++location;
  }
  if (location >= kMostRules) return driver.numbers_rules ? ENOSPC : EINVAL;
  if (const auto old = at(location); old != rules.end()) rules.erase(old);
  rules.insert(std::ranges::upper_bound(rules, location, {}, &RawFlowRule::Location),
               At(rule, location));
  return Changed("rule");
}

int FakeNic::DeleteRule(uint32_t location) {
  const auto gone =
      std::erase_if(rules, [&](const RawFlowRule& rule) { return rule.Location() == location; });
  return gone == 0 ? ENOENT : Changed("rule");
}

int FakeNic::SetHugePages(uint64_t pages) {
  huge_pages = pages;
  return Changed("huge pages");
}

int FakeNic::SetKeepAddrOnDown(uint32_t value) {
  keep_addr_on_down = value;
  return Changed("keep-addr-on-down");
}

}  // namespace zcrx
