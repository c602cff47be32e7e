// ReadNicState() and Apply() of support/nic/state.h: how each setting is read and set, and what has
// to be set before it.
#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "support/nic/features.h"
#include "support/nic/identity.h"
#include "support/nic/link.h"
#include "support/nic/queues.h"
#include "support/nic/state.h"

namespace zcrx {
namespace {

// Returns the value, or nullopt if the device does not have it.
template <typename T>
Result<std::optional<T>> IfThere(Result<T> result, int absent = EOPNOTSUPP) {
  if (result.has_value()) return *std::move(result);
  if (result.error().code == absent) return std::optional<T>();
  return std::unexpected(std::move(result).error());
}

std::optional<uint32_t> CountOf(const std::optional<Channels::Kind>& kind) {
  return kind ? std::optional(kind->count) : std::nullopt;
}

Status ReadLink(Nic& nic, NicState& state) {
  ZCRX_ASSIGN_OR_RETURN(const Link link, GetLink(nic));
  state.admin_up = link.admin_up;
  state.mtu = link.mtu;
  return {};
}

Status ReadFeatures(Nic& nic, NicState& state) {
  ZCRX_ASSIGN_OR_RETURN(const auto features, GetFeatures(nic));
  state.features.clear();
  for (const auto& [name, feature] : features) {
    if (!feature.changeable) continue;
    state.features[name] = {.active = feature.active, .requested = feature.wanted};
  }
  return {};
}

Status ReadChannels(Nic& nic, NicState& state) {
  ZCRX_ASSIGN_OR_RETURN(const auto channels, IfThere(GetChannels(nic)));
  if (!channels) return {};
  state.channels = {.rx = CountOf(channels->rx),
                    .tx = CountOf(channels->tx),
                    .combined = CountOf(channels->combined)};
  return {};
}

Status ReadRings(Nic& nic, NicState& state) {
  ZCRX_ASSIGN_OR_RETURN(const auto rings, IfThere(GetRings(nic)));
  if (!rings) return {};
  state.rings = {.rx = rings->rx,
                 .rx_mini = rings->rx_mini,
                 .rx_jumbo = rings->rx_jumbo,
                 .tx = rings->tx,
                 .tcp_data_split = rings->tcp_data_split,
                 .hds_thresh = rings->hds_thresh};
  return {};
}

Status ReadRss(Nic& nic, NicState& state) {
  ZCRX_ASSIGN_OR_RETURN(RssOfDevice rss, GetAllRss(nic));
  state.rss = state.admin_up ? std::move(rss.main) : std::nullopt;
  state.contexts = std::move(rss.contexts);
  return {};
}

Status ReadRules(Nic& nic, NicState& state) {
  ZCRX_ASSIGN_OR_RETURN(state.rules, IfThere(GetFlowRules(nic)));
  return {};
}

Status ReadHugePages(Nic& nic, NicState& state) {
  const Result<HugePages> pages = nic.GetKernel().GetHugePages();
  state.huge_pages = pages ? std::optional(pages->set_to) : std::nullopt;
  // ENOENT: a kernel without hugetlbfs. EBUSY: a run on another NIC has changed the pool, and puts
  // it back.
  if (pages || pages.error().code == ENOENT || pages.error().code == EBUSY) return {};
  return std::unexpected(pages.error());
}

Status ReadKeepAddrOnDown(Nic& nic, NicState& state) {
  // ENOENT: no IPv6.
  ZCRX_ASSIGN_OR_RETURN(state.keep_addr_on_down,
                        IfThere(nic.GetKernel().GetKeepAddrOnDown(nic.Name()), ENOENT));
  return {};
}

Status ReadSettings(Nic& nic, NicState& state) {
  for (const auto& read : {ReadLink, ReadFeatures, ReadChannels, ReadRings, ReadRss, ReadRules,
                           ReadHugePages, ReadKeepAddrOnDown}) {
    ZCRX_RETURN_IF_ERROR(read(nic, state));
  }
  return {};
}

bool IsDefault(const RssTable& table, uint32_t queues) {
  return !table.empty() && table == DefaultRssTable(table.size(), queues);
}

// Returns the settings of `wanted` that differ from `now`.
RssChange ChangeTo(const Rss& wanted, const Rss& now) {
  RssChange change;
  if (wanted.table != now.table) change.table = wanted.table;
  if (wanted.key != now.key) change.key = wanted.key;
  if (wanted.hash_function != now.hash_function) change.hash_function = wanted.hash_function;
  if (wanted.input_transform != now.input_transform) {
    change.input_transform = wanted.input_transform;
  }
  return change;
}

class Application {
 public:
  Application(Nic& nic, const NicState& wanted, Deadline deadline)
      : nic_(nic), wanted_(wanted), deadline_(deadline) {}

  Applied Run() {
    std::optional<NicState> before;
    if (Look()) before = now_;
    if (before && (SaysWhoseSplit() || !Differences(wanted_, now_).empty())) {
      for (const auto step : kSteps) {
        if (Look()) (this->*step)();
      }
      if (Look()) {
        for (std::string& difference : Differences(wanted_, now_)) {
          errors_.push_back({"set " + nic_.Name() + " as wanted", 0, std::move(difference)});
        }
      }
    }
    now_.nic = wanted_.nic;
    now_.split_automatic = wanted_.split_automatic;
    return {.before = std::move(before), .now = std::move(now_), .errors = std::move(errors_)};
  }

 private:
  using Step = void (Application::*)();
  // In the order that kernel and drivers accept.
  static const std::vector<Step> kSteps;

  // Records the result of a request. Its side effects are seen by the next Look(): a driver that
  // resets its device drops rules and tables.
  void Try(const Status& status) {
    looked_ = false;
    if (!status) errors_.push_back(status.error());
  }
  bool Look() {
    if (looked_) return true;
    const Status read = ReadSettings(nic_, now_);
    looked_ = read.has_value();
    if (!read) errors_.push_back(read.error());
    return looked_;
  }

  // Rings and channels cannot change under a memory provider (net/ethtool/rings.c); rules can.
  void AwaitProviders() {
    NicState steered = now_;
    steered.contexts = wanted_.contexts;
    steered.rules = wanted_.rules;
    steered.huge_pages = wanted_.huge_pages;
    steered.keep_addr_on_down = wanted_.keep_addr_on_down;
    if (Differences(wanted_, steered).empty() && !SaysWhoseSplit()) return;
    if (!CanSeeQueues(nic_)) return;
    if (const Status gone = WaitForAllProvidersGone(nic_, deadline_); !gone) {
      errors_.push_back(gone.error());
    }
  }

  void BringUp() {
    if (wanted_.admin_up && !now_.admin_up) Try(SetAdminUp(nic_, true));
  }
  void BringDown() {
    if (!wanted_.admin_up && now_.admin_up) Try(SetAdminUp(nic_, false));
  }
  void ChangeKeepAddrOnDown() {
    const auto& wanted = wanted_.keep_addr_on_down;
    if (!wanted || wanted == now_.keep_addr_on_down) return;
    Try(nic_.GetKernel().SetKeepAddrOnDown(nic_.Name(), *wanted));
  }
  void ChangeMtu() {
    if (wanted_.mtu != now_.mtu) Try(SetMtu(nic_, wanted_.mtu));
  }

  void RemoveRules() {
    if (!now_.rules) return;
    const FlowRules wanted = wanted_.rules.value_or(FlowRules{});
    for (const RawFlowRule& rule : MissingRules(*now_.rules, wanted)) {
      Try(DeleteFlowRule(nic_, rule.Location()));
    }
  }

  void RemoveContexts() {
    for (const auto& [number, rss] : now_.contexts) {
      if (!wanted_.contexts.contains(number)) Try(DeleteRssContext(nic_, number));
    }
  }

  // The kernel refuses to remove a queue that a table leads to (ethtool_check_max_channel). Also,
  // with fewer queues a configured table may look like the driver's default and would never be
  // reset, so it is reset first.
  void ReleaseQueues(uint32_t left) {
    if (now_.rss && (LeadsBeyond(now_.rss->table, left) ||
                     (IsDefault(now_.rss->table, left) &&
                      !IsDefault(now_.rss->table, now_.channels.RxQueues())))) {
      const Status reset = ResetRssTable(nic_);
      if (reset || reset.error().code != EOPNOTSUPP) Try(reset);
    }
    for (const auto& [number, rss] : now_.contexts) {
      const auto wanted = wanted_.contexts.find(number);
      if (wanted == wanted_.contexts.end() || !LeadsBeyond(rss.table, left)) continue;
      Try(SetRssTable(nic_, wanted->second.table, number));
    }
  }

  void ChangeChannels() {
    const ChannelsChange change = Changed(wanted_.channels, now_.channels);
    if (change.Empty()) return;
    ReleaseQueues(wanted_.channels.RxQueues());
    Try(SetChannels(nic_, change));
  }

  [[nodiscard]] bool SplitIsOn(const NicState& state) const {
    return state.rings.tcp_data_split == TcpDataSplit::kEnabled;
  }
  // mlx5 refuses to turn rx-gro-hw off while header split is on (mlx5e_fix_features).
  void ChangeFeaturesBeforeSplit() { ChangeFeatures(SplitIsOn(now_) && !SplitIsOn(wanted_)); }
  void ChangeFeaturesAfterSplit() { ChangeFeatures(false); }
  void ChangeFeatures(bool hw_gro_later) {
    std::map<std::string, bool> other;
    std::map<std::string, bool> change;
    for (const auto& [name, wanted] : wanted_.features) {
      const auto now = now_.features.find(name);
      if (now == now_.features.end() || IsAsWanted(wanted_, name, now->second)) continue;
      if (hw_gro_later && name == kHwGro && !wanted.active) continue;
      change[name] = wanted.requested;
      // Only a changed request makes the kernel update a feature that something else switched.
      if (now->second.requested == wanted.requested) other[name] = !wanted.requested;
    }
    if (!other.empty()) Try(AskForFeatures(nic_, other));
    if (!change.empty()) Try(AskForFeatures(nic_, change));
  }

  // The reported state does not show whether header split is configured, so it is always sent; if
  // it is already configured that way, the kernel does nothing.
  [[nodiscard]] bool SaysWhoseSplit() const {
    return wanted_.split_automatic.has_value() && (*wanted_.split_automatic || SplitIsOn(wanted_));
  }

  void ChangeRings() {
    RingsChange change = Changed(wanted_.rings, now_.rings);
    if (SaysWhoseSplit()) {
      change.tcp_data_split =
          *wanted_.split_automatic ? TcpDataSplit::kUnknown : TcpDataSplit::kEnabled;
    } else if (!wanted_.rings.tcp_data_split && now_.rings.tcp_data_split) {
      change.tcp_data_split = TcpDataSplit::kUnknown;
    }
    if (change.Empty() || SendRings(change)) return;
    // The device refuses all values if it cannot take one, so try each by itself.
    ForEachField<RingsChange>([&](std::string_view, auto member) {
      RingsChange one;
      one.*member = change.*member;
      if (!one.Empty()) Try(SendRings(one));
    });
  }

  Status SendRings(RingsChange change) {
    looked_ = false;
    const Status set = SetRings(nic_, change);
    if (set || set.error().code != EINVAL) return set;
    if (change.tcp_data_split == TcpDataSplit::kDisabled) {
      // bnxt refuses "off" (bnxt_set_ringparam). With "auto", header split is off while rx-gro-hw
      // is off.
      change.tcp_data_split = TcpDataSplit::kUnknown;
      return SetRings(nic_, change);
    }
    // mlx5 refuses header split while rx-gro-hw is off (mlx5e_ethtool_set_tcp_data_split).
    const auto hw_gro = now_.features.find(std::string(kHwGro));
    if (change.tcp_data_split == TcpDataSplit::kEnabled && hw_gro != now_.features.end() &&
        !hw_gro->second.active && SetFeature(nic_, kHwGro, true)) {
      return SetRings(nic_, change);
    }
    return set;
  }

  void ChangeRss() {
    if (!wanted_.rss || !now_.rss) return;
    RssChange change = ChangeTo(*wanted_.rss, *now_.rss);
    if (const auto table = std::exchange(change.table, {})) ChangeTable(*table);
    if (!change.Empty()) Try(SetRss(nic_, change));
  }

  void ChangeTable(const RssTable& table) {
    const Result<uint32_t> queues = GetRxRings(nic_);
    if (!queues) {
      errors_.push_back(queues.error());
      return;
    }
    // The kernel refuses a table that leads to removed queues (EINVAL; gve keeps such a table when
    // channels are removed). All that can be restored of it is the driver's default.
    if (LeadsBeyond(table, *queues)) {
      if (!LeadsBeyond(now_.rss->table, *queues) && !IsDefault(now_.rss->table, *queues)) {
        Try(ResetRssTable(nic_));
      }
      return;
    }
    // Reset it, so that the kernel treats the table as the default again.
    if (IsDefault(table, *queues) && ResetRssTable(nic_)) {
      looked_ = false;
      const Result<Rss> now = GetRss(nic_);
      if (now && now->table == table) return;
    }
    Try(SetRssTable(nic_, table));
  }

  void ChangeContexts() {
    for (const auto& [number, wanted] : wanted_.contexts) {
      const auto now = now_.contexts.find(number);
      if (now == now_.contexts.end()) {
        Try(CreateRssContextAs(nic_, number, wanted));
      } else if (const RssChange change = ChangeTo(wanted, now->second); !change.Empty()) {
        Try(SetRss(nic_, change, number));
      }
    }
  }

  void InsertRules() {
    if (!wanted_.rules) return;
    const FlowRules now = now_.rules.value_or(FlowRules{});
    for (const RawFlowRule& rule : MissingRules(*wanted_.rules, now)) {
      const auto inserted = InsertFlowRule(nic_, rule, wanted_.rules->driver_numbers);
      Try(inserted ? Status() : std::unexpected(inserted.error()));
    }
  }

  void ChangeHugePages() {
    if (!wanted_.huge_pages || !now_.huge_pages || wanted_.huge_pages == now_.huge_pages) return;
    Try(nic_.GetKernel().SetHugePages(*wanted_.huge_pages));
  }

  Nic& nic_;
  const NicState& wanted_;
  Deadline deadline_;
  NicState now_;
  bool looked_ = false;
  std::vector<Error> errors_;
};

const std::vector<Application::Step> Application::kSteps = {
    // Drivers accept rules and contexts only while they are up, and the kernel shows providers only
    // then (netdev_nl_queue_dump_one() in net/core/netdev-genl.c). Setting the MTU stops the
    // queues.
    &Application::BringUp,
    &Application::AwaitProviders,
    // Before it is set down, and not before it is up again.
    &Application::ChangeKeepAddrOnDown,
    &Application::ChangeMtu,
    // A context is busy while a rule leads to it, and channels cannot be removed while either leads
    // to them.
    &Application::RemoveRules,
    &Application::RemoveContexts,
    &Application::ChangeChannels,
    // Rules can be inserted only once ntuple is on. Rings come in between: header split that is
    // left to the driver follows hardware GRO (bnxt); header split that is on requires and keeps it
    // on (mlx5).
    &Application::ChangeFeaturesBeforeSplit,
    &Application::ChangeRings,
    &Application::ChangeFeaturesAfterSplit,
    &Application::ChangeRss,
    &Application::ChangeContexts,
    &Application::InsertRules,
    &Application::BringDown,
    &Application::ChangeHugePages,
};

}  // namespace

Result<NicState> ReadNicState(Nic& nic) {
  NicState state;
  ZCRX_ASSIGN_OR_RETURN(state.nic, ReadIdentity(nic));
  ZCRX_RETURN_IF_ERROR(ReadSettings(nic, state));
  return state;
}

Applied Apply(Nic& nic, const NicState& wanted, Deadline deadline) {
  return Application(nic, wanted, deadline).Run();
}

}  // namespace zcrx
