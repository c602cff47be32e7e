#include "support/nic/state.h"

#include <fmt/ranges.h>
#include <linux/ethtool.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <span>
#include <utility>

#include "support/nic/features.h"
#include "support/nic/huge_pages.h"
#include "support/nic/link.h"

namespace zcrx {
namespace {

constexpr size_t kMaxAddress = 32;  // MAX_ADDR_LEN, include/linux/netdevice.h

// The value, where the device has one.
template <typename T>
Result<std::optional<T>> IfThere(Result<T> result) {
  if (result.has_value()) return *std::move(result);
  if (result.error().code == EOPNOTSUPP) return std::optional<T>();
  return std::unexpected(std::move(result).error());
}

Result<std::string> PermanentAddress(Nic& nic) {
  // The address follows the struct, whose own alignment is 4.
  std::array<uint32_t, (sizeof(ethtool_perm_addr) + kMaxAddress) / sizeof(uint32_t)> request{};
  ethtool_perm_addr header = {.cmd = ETHTOOL_GPERMADDR, .size = kMaxAddress};
  std::memcpy(request.data(), &header, sizeof(header));
  ZCRX_RETURN_IF_ERROR(nic.Ioctl("get permanent address of " + nic.Name(), request.data()));
  std::memcpy(&header, request.data(), sizeof(header));
  std::array<unsigned char, kMaxAddress> address;
  std::memcpy(address.data(), request.data() + sizeof(header) / sizeof(uint32_t), kMaxAddress);
  const auto bytes = std::span(address).first(std::min<size_t>(header.size, kMaxAddress));
  if (std::ranges::all_of(bytes, [](unsigned char byte) { return byte == 0; })) return "";
  return fmt::format("{:02x}", fmt::join(bytes, ":"));
}

Result<std::string> BootId() {
  constexpr const char* kFile = "/proc/sys/kernel/random/boot_id";
  std::string id;
  if (std::ifstream file(kFile); std::getline(file, id) && !id.empty()) return id;
  return Fail(std::string("read ") + kFile, 0, "it holds no line");
}

Result<NicIdentity> ReadIdentity(Nic& nic) {
  NicIdentity identity = {.interface = nic.Name(), .index = nic.Index()};
  ZCRX_ASSIGN_OR_RETURN(const auto info, IfThere(GetDriverInfo(nic)));
  if (info) {
    identity.driver = info->driver;
    identity.bus = info->bus;
  }
  ZCRX_ASSIGN_OR_RETURN(identity.address, PermanentAddress(nic));
  ZCRX_ASSIGN_OR_RETURN(identity.boot, BootId());
  return identity;
}

std::optional<uint32_t> CountOf(const std::optional<Channels::Kind>& kind) {
  return kind ? std::optional(kind->count) : std::nullopt;
}

Result<std::optional<uint64_t>> ReadHugePages() {
  const Result<HugePages> pages = GetHugePages();
  if (pages.has_value()) return pages->set_to;
  if (pages.error().code == ENOENT) return std::nullopt;  // a kernel without hugetlbfs
  return std::unexpected(pages.error());
}

}  // namespace

Result<NicState> ReadNicState(Nic& nic) {
  NicState state;
  ZCRX_ASSIGN_OR_RETURN(state.nic, ReadIdentity(nic));
  ZCRX_ASSIGN_OR_RETURN(const Link link, GetLink(nic));
  state.admin_up = link.admin_up;
  state.mtu = link.mtu;
  ZCRX_ASSIGN_OR_RETURN(const auto features, GetFeatures(nic));
  for (const auto& [name, feature] : features) {
    if (!feature.changeable) continue;
    state.features[name] = {.active = feature.active, .wanted = feature.wanted};
  }
  ZCRX_ASSIGN_OR_RETURN(const auto channels, IfThere(GetChannels(nic)));
  if (channels) {
    state.channels = {.rx = CountOf(channels->rx),
                      .tx = CountOf(channels->tx),
                      .combined = CountOf(channels->combined)};
  }
  ZCRX_ASSIGN_OR_RETURN(const auto rings, IfThere(GetRings(nic)));
  if (rings) {
    state.rings = {.rx = rings->rx,
                   .tx = rings->tx,
                   .tcp_data_split = rings->tcp_data_split,
                   .hds_thresh = rings->hds_thresh};
  }
  ZCRX_ASSIGN_OR_RETURN(RssOfDevice rss, GetAllRss(nic));
  if (link.admin_up) state.rss = std::move(rss.main);
  state.contexts = std::move(rss.contexts);
  ZCRX_ASSIGN_OR_RETURN(state.rules, IfThere(GetFlowRules(nic)));
  ZCRX_ASSIGN_OR_RETURN(state.huge_pages, ReadHugePages());
  return state;
}

uint32_t CountClaimedQueues(const NicState& state) {
  uint32_t count = 0;
  const auto claim = [&](uint32_t queue) { count = std::max(count, queue + 1); };
  if (state.rules) {
    for (const RawFlowRule& rule : state.rules->rules) {
      if (const auto queue = rule.Queue()) claim(*queue);
    }
  }
  for (const auto& [number, context] : state.contexts) std::ranges::for_each(context.table, claim);
  return count;
}

Status CheckSameNic(const NicState& state, Nic& nic) {
  ZCRX_ASSIGN_OR_RETURN(const NicIdentity now, ReadIdentity(nic));
  const NicIdentity& then = state.nic;
  const auto other = [&](const char* what, const std::string& was, const std::string& is) {
    return Fail(fmt::format("take the state of {} for {}", then.interface, nic.Name()), ENODEV,
                fmt::format("it is another NIC's: its {} was {}, this one's is {}", what,
                            was.empty() ? "none" : was, is.empty() ? "none" : is));
  };
  if (then.driver != now.driver) return other("driver", then.driver, now.driver);
  if (then.bus != now.bus) return other("bus address", then.bus, now.bus);
  if (then.address != now.address) return other("MAC address", then.address, now.address);
  if (then.boot != now.boot) {
    return Fail(fmt::format("take the state of {} for {}", then.interface, nic.Name()), ESTALE,
                fmt::format("it is of an earlier boot ({}, now {})", then.boot, now.boot));
  }
  // Nothing else tells two virtual ones apart.
  if (now.bus.empty() && now.address.empty() && then.index != now.index) {
    return other("interface index", std::to_string(then.index), std::to_string(now.index));
  }
  return {};
}

}  // namespace zcrx
