#include "ci/vnic/bnxt/vnic_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <numeric>

#include "ci/vnic/bnxt/registers.h"

namespace vnic::bnxt {
namespace {

constexpr std::size_t kMaxL2Filters = 64;
constexpr std::uint32_t kMaxMulticast = 64;
constexpr std::uint32_t kNowhere =
    0xffffffff;  // no VNIC has this number: what goes there is dropped

HashTypes TypesOf(std::uint32_t bits) {
  return {.ipv4 = (bits & kHashIpv4) != 0,
          .ipv4_tcp = (bits & kHashTcpIpv4) != 0,
          .ipv4_udp = (bits & kHashUdpIpv4) != 0,
          .ipv6 = (bits & kHashIpv6) != 0,
          .ipv6_tcp = (bits & kHashTcpIpv6) != 0,
          .ipv6_udp = (bits & kHashUdpIpv6) != 0};
}

FlowMatch MatchOf(const FlowFilterAllocRequest& request) {
  FlowMatch match{.network = request.address_type == kFlowIpv4 ? Network::kIpv4 : Network::kIpv6,
                  .source = {request.source, request.source_mask},
                  .destination = {request.destination, request.destination_mask},
                  .source_port = {request.source_port, request.source_port_mask},
                  .destination_port = {request.destination_port, request.destination_port_mask}};
  if (request.protocol != 0) match.protocol = request.protocol;
  return match;
}

// All slots, each naming its own place in the VNIC's rings.
std::vector<std::uint32_t> Slots(std::size_t count) {
  std::vector<std::uint32_t> slots(count);
  std::iota(slots.begin(), slots.end(), 0U);
  return slots;
}

}  // namespace

zcrx::Result<Vnic*> VnicTable::Named(std::uint32_t id) {
  const auto found = vnics_.find(id);
  if (found == vnics_.end()) return zcrx::Fail(fmt::format("find VNIC {}", id), EINVAL);
  return &found->second;
}

zcrx::Result<std::uint32_t> VnicTable::Allocate(bool is_default) {
  if (vnics_.size() >= kMaxVnics) return zcrx::Fail("allocate VNIC", ENOSPC);
  std::uint32_t id = kDefaultContext;
  if (is_default && vnics_.contains(id)) return zcrx::Fail("allocate default VNIC", EEXIST);
  if (!is_default) {
    do {
      ++id;
    } while (vnics_.contains(id));
  }
  vnics_[id] = {};
  rss_[id] = {};
  return id;
}

zcrx::Status VnicTable::Free(std::uint32_t id) {
  ZCRX_RETURN_IF_ERROR(Named(id));
  vnics_.erase(id);
  rss_.erase(id);
  return {};
}

zcrx::Result<std::uint16_t> VnicTable::AllocateRssContext() {
  if (rss_contexts_.size() >= kMaxVnics) return zcrx::Fail("allocate RSS context", ENOSPC);
  std::uint16_t id = 0;
  while (rss_contexts_.contains(id)) ++id;
  rss_contexts_.insert(id);
  return id;
}

zcrx::Status VnicTable::FreeRssContext(std::uint16_t id) {
  if (rss_contexts_.erase(id) == 0)
    return zcrx::Fail(fmt::format("free RSS context {}", id), EINVAL);
  return {};
}

zcrx::Status VnicTable::Configure(const VnicConfigRequest& request) {
  ZCRX_ASSIGN_OR_RETURN(Vnic * vnic, Named(request.vnic));
  // The driver fills in the MRU without the bit that says so.
  vnic->mru = request.mru;
  if ((request.enables & kEnableDefaultRings) != 0 && vnic->rings.empty()) {
    vnic->rings = {{request.default_rx_ring, request.default_completion_ring}};
    rss_[request.vnic].indirection = Slots(1);
  }
  return {};
}

zcrx::Status VnicTable::Update(const VnicUpdateRequest& request) {
  ZCRX_ASSIGN_OR_RETURN(Vnic * vnic, Named(request.vnic));
  if ((request.enables & kEnableVnicMru) == 0) return {};
  vnic->mru = request.mru;
  vnic->stopped = request.mru == 0;
  return {};
}

bool VnicTable::InRestart() const {
  return std::ranges::any_of(vnics_, [](const auto& entry) { return entry.second.stopped; });
}

zcrx::Status VnicTable::ConfigureRss(const VnicRssRequest& request) {
  ZCRX_ASSIGN_OR_RETURN(Vnic * vnic, Named(request.vnic));
  RssContext& rss = rss_[request.vnic];
  if (request.ring_table == 0) {  // RSS off; the driver does so before it frees the VNIC
    rss.types = {};
    return {};
  }
  if (request.table_part != 0) {
    return zcrx::Fail(fmt::format("RSS table part {}", request.table_part), EINVAL,
                      fmt::format("a table has {} slots", kRssTablePairs));
  }
  const auto table = memory_.Readable(request.ring_table, kRssTablePairs * sizeof(RssPair));
  const auto key = memory_.Load<ToeplitzKey>(request.key);
  if (table.empty() || !key) return zcrx::Fail("read RSS table and key", EFAULT);
  vnic->rings.clear();
  for (std::size_t i = 0; i < kRssTablePairs; ++i) {
    const auto pair = LoadAt<RssPair>(table, i * sizeof(RssPair));
    vnic->rings.push_back({pair.rx_ring, pair.completion_ring});
  }
  rss = {.key = *key, .types = TypesOf(request.hash_types), .indirection = Slots(kRssTablePairs)};
  return {};
}

zcrx::Status VnicTable::ConfigurePlacement(const VnicPlacementRequest& request) {
  ZCRX_ASSIGN_OR_RETURN(Vnic * vnic, Named(request.vnic));
  vnic->split_ipv4 = (request.flags & kPlacementSplitIpv4) != 0;
  vnic->split_ipv6 = (request.flags & kPlacementSplitIpv6) != 0;
  vnic->split_threshold = request.split_threshold;
  return {};
}

zcrx::Status VnicTable::ConfigureCoalescing(const VnicCoalesceRequest& request) {
  ZCRX_ASSIGN_OR_RETURN(Vnic * vnic, Named(request.vnic));
  const bool on = (request.flags & kCoalesceOn) != 0;
  vnic->coalesce_segments = on ? std::uint16_t{request.max_segments} : std::uint16_t{0};
  return {};
}

zcrx::Result<std::uint64_t> VnicTable::AddL2Filter(const L2FilterAllocRequest& request) {
  ZCRX_RETURN_IF_ERROR(Named(request.vnic));
  if (l2_filters_.size() >= kMaxL2Filters) return zcrx::Fail("allocate L2 filter", ENOSPC);
  const std::uint64_t id = next_l2_++;
  l2_filters_[id] = request.address;
  return id;
}

zcrx::Status VnicTable::RemoveL2Filter(std::uint64_t id) {
  if (l2_filters_.erase(id) == 0) return zcrx::Fail(fmt::format("free L2 filter {}", id), EINVAL);
  std::erase_if(flow_l2_, [&](const auto& entry) {
    if (entry.second != id) return false;
    std::ignore = flows_.Remove(entry.first);
    return true;
  });
  return {};
}

zcrx::Status VnicTable::SetRxMask(const RxMaskRequest& request) {
  ZCRX_RETURN_IF_ERROR(Named(request.vnic));
  std::set<MacAddress> multicast;
  if ((request.mask & kMaskMulticast) != 0 && request.multicast_count > 0) {
    if (request.multicast_count > kMaxMulticast) {
      return zcrx::Fail(
          fmt::format("set {} multicast addresses", std::uint32_t{request.multicast_count}),
          EINVAL);
    }
    const auto table =
        memory_.Readable(request.multicast_table, request.multicast_count * sizeof(MacAddress));
    if (table.empty()) return zcrx::Fail("read multicast addresses", EFAULT);
    for (std::size_t i = 0; i < request.multicast_count; ++i) {
      multicast.insert(LoadAt<MacAddress>(table, i * sizeof(MacAddress)));
    }
  }
  rx_mask_ = request.mask;
  multicast_ = std::move(multicast);
  return {};
}

zcrx::Result<std::uint64_t> VnicTable::AddFlow(const FlowFilterAllocRequest& request) {
  if ((request.flags & kFlowDrop) == 0) ZCRX_RETURN_IF_ERROR(Named(request.vnic));
  if (!l2_filters_.contains(request.l2_filter)) {
    return zcrx::Fail(fmt::format("add flow on L2 filter {}", std::uint64_t{request.l2_filter}),
                      EINVAL);
  }
  if (request.address_type != kFlowIpv4 && request.address_type != kFlowIpv6) {
    return zcrx::Fail(fmt::format("add flow of address type {}", request.address_type), EINVAL);
  }
  FlowRule rule{.match = MatchOf(request), .action = {.context = request.vnic}};
  if ((request.flags & kFlowDrop) != 0) rule.action.context = kNowhere;
  if ((request.enables & kEnableRingIndex) != 0) rule.action.queue = request.ring_index;
  // Numbers grow with time, so the oldest filter is the first to match.
  ZCRX_RETURN_IF_ERROR(flows_.Add(next_flow_, rule));
  flow_l2_[next_flow_] = request.l2_filter;
  return next_flow_++;
}

zcrx::Status VnicTable::RemoveFlow(std::uint64_t id) {
  const auto location = static_cast<std::uint32_t>(id);
  if (location != id) return zcrx::Fail(fmt::format("remove flow {}", id), EINVAL);
  if (const auto rule = flows_.Rules().find(location); rule != flows_.Rules().end()) {
    steering_.Deleted(rule->second);
  }
  ZCRX_RETURN_IF_ERROR(flows_.Remove(location));
  flow_l2_.erase(location);
  return {};
}

void VnicTable::Clear() {
  vnics_.clear();
  rss_.clear();
  rss_contexts_.clear();
  l2_filters_.clear();
  multicast_.clear();
  rx_mask_ = 0;
  flows_.Clear();
  flow_l2_.clear();
  steering_.Reset();
}

bool VnicTable::Accepts(Frame frame) const {
  constexpr MacAddress kBroadcast = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  if (l2_filters_.empty() || frame.size() < sizeof(MacAddress)) return false;
  const auto destination = LoadAt<MacAddress>(frame);
  if ((rx_mask_ & kMaskPromiscuous) != 0) return true;
  if (destination == kBroadcast) return (rx_mask_ & kMaskBroadcast) != 0;
  if ((destination[0] & 1U) != 0) {
    return (rx_mask_ & kMaskAllMulticast) != 0 || multicast_.contains(destination);
  }
  return std::ranges::any_of(l2_filters_,
                             [&](const auto& filter) { return filter.second == destination; });
}

std::optional<Delivery> VnicTable::Find(const Headers& headers) const {
  const auto to = steering_.Steer(headers, flows_, rss_);
  if (!to) return std::nullopt;
  const Vnic& vnic = vnics_.at(to->context);  // there is an RSS entry for each VNIC and no other
  if (vnic.rings.empty()) return std::nullopt;
  RingPair rings = vnic.rings[to->queue % vnic.rings.size()];
  if (steering_.IgnoresTable(*to)) {
    const auto all = AllRings();
    rings = all[(to->hash ? to->hash->value : 0) % all.size()];
  }
  return Delivery{.vnic = vnic, .rings = rings, .hash = to->hash};
}

std::vector<RingPair> VnicTable::AllRings() const {
  std::set<RingPair> rings;
  for (const auto& [id, vnic] : vnics_) rings.insert(vnic.rings.begin(), vnic.rings.end());
  return {rings.begin(), rings.end()};
}

}  // namespace vnic::bnxt
