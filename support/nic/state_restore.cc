// RestoreNicState() of support/nic/state.h.
#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "support/nic/features.h"
#include "support/nic/huge_pages.h"
#include "support/nic/link.h"
#include "support/nic/put_back.h"
#include "support/nic/queues.h"
#include "support/nic/state.h"

namespace zcrx {
namespace {

bool IsDefault(const RssTable& table, uint32_t queues) {
  return !table.empty() && table == DefaultRssTable(table.size(), queues);
}

// What of `wanted` is not so now.
RssChange Change(const Rss& wanted, const Rss& now) {
  RssChange change;
  if (wanted.table != now.table) change.table = wanted.table;
  if (wanted.key != now.key) change.key = wanted.key;
  if (wanted.hash_function != now.hash_function) change.hash_function = wanted.hash_function;
  if (wanted.input_transform != now.input_transform) {
    change.input_transform = wanted.input_transform;
  }
  return change;
}

// One restoration. Each step looks at the NIC anew, because the step before may have taken more
// along than it set: a driver that resets its device drops rules and tables.
class Restoration {
 public:
  Restoration(Nic& nic, const NicState& wanted, Deadline deadline)
      : nic_(nic), wanted_(wanted), deadline_(deadline) {}

  std::vector<Error> Run() {
    if (!Look() || Differences(wanted_, now_).empty()) return std::move(errors_);
    // No ring and no channel changes under a memory provider (net/ethtool/rings.c).
    if (CanSeeQueues(nic_)) Try(WaitForAllProvidersGone(nic_, deadline_));
    // Up first: drivers take rules and contexts only then. Setting the MTU stops the queues.
    if (wanted_.admin_up && !now_.admin_up) Try(SetAdminUp(nic_, true));
    if (wanted_.mtu != now_.mtu) Try(SetMtu(nic_, wanted_.mtu));
    // A context is busy while a rule leads to it, and channels cannot go while either leads there.
    Step(&Restoration::RemoveRules);
    Step(&Restoration::RemoveContexts);
    Step(&Restoration::SetChannels);
    // No rule goes in before ntuple is on. Rings stand between: header split that is left to the
    // driver follows hardware GRO (bnxt), header split that is on forbids it, or needs it and
    // keeps it on (mlx5).
    Step(&Restoration::SetFeatures);
    Step(&Restoration::SetRings);
    Step(&Restoration::SetFeatures);
    Step(&Restoration::SetMainRss);
    Step(&Restoration::SetContexts);
    Step(&Restoration::InsertRules);
    if (!wanted_.admin_up && now_.admin_up) Try(SetAdminUp(nic_, false));
    if (wanted_.huge_pages && wanted_.huge_pages != now_.huge_pages) {
      Try(SetHugePages(*wanted_.huge_pages));
    }
    if (!Look()) return std::move(errors_);
    for (std::string& difference : Differences(wanted_, now_)) {
      errors_.push_back({"restore " + nic_.Name(), 0, std::move(difference)});
    }
    return std::move(errors_);
  }

 private:
  void Try(Status status) {
    if (!status.has_value()) errors_.push_back(std::move(status).error());
  }
  bool Look() {
    Result<NicState> now = ReadNicState(nic_);
    if (!now.has_value()) {
      errors_.push_back(std::move(now).error());
      return false;
    }
    now_ = *std::move(now);
    return true;
  }
  void Step(void (Restoration::*step)()) {
    if (Look()) (this->*step)();
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

  // The kernel takes no queue away that a table leads to (ethtool_check_max_channel).
  void ReleaseQueues(uint32_t left) {
    if (now_.rss && LeadsBeyond(now_.rss->table, left)) Try(ResetRssTable(nic_));
    for (const auto& [number, rss] : now_.contexts) {
      const auto wanted = wanted_.contexts.find(number);
      if (wanted == wanted_.contexts.end() || !LeadsBeyond(rss.table, left)) continue;
      Try(SetRssTable(nic_, wanted->second.table, number));
    }
  }

  void SetChannels() {
    ChannelsChange change;
    if (wanted_.channels.rx != now_.channels.rx) change.rx = wanted_.channels.rx;
    if (wanted_.channels.tx != now_.channels.tx) change.tx = wanted_.channels.tx;
    if (wanted_.channels.combined != now_.channels.combined) {
      change.combined = wanted_.channels.combined;
    }
    if (change.Empty()) return;
    ReleaseQueues(wanted_.channels.RxQueues());
    Try(zcrx::SetChannels(nic_, change));
    // With fewer queues, a table that a run has configured may look like the driver's own; then
    // nothing else would take it back.
    if (wanted_.rss && IsDefault(wanted_.rss->table, wanted_.channels.RxQueues())) {
      const Status reset = ResetRssTable(nic_);
      if (!reset && reset.error().code != EOPNOTSUPP) Try(reset);
    }
  }

  void SetRings() {
    RingsChange change;
    if (wanted_.rings.rx != now_.rings.rx) change.rx = wanted_.rings.rx;
    if (wanted_.rings.tx != now_.rings.tx) change.tx = wanted_.rings.tx;
    if (wanted_.rings.hds_thresh != now_.rings.hds_thresh) {
      change.hds_thresh = wanted_.rings.hds_thresh;
    }
    if (wanted_.rings.tcp_data_split != now_.rings.tcp_data_split) {
      change.tcp_data_split = wanted_.rings.tcp_data_split.value_or(TcpDataSplit::kUnknown);
    }
    if (change.Empty() || PutBackRings(nic_, change).has_value()) return;
    // A value that the device cannot take refuses the others with it: each by itself.
    if (change.rx) Try(PutBackRings(nic_, {.rx = change.rx}));
    if (change.tx) Try(PutBackRings(nic_, {.tx = change.tx}));
    if (change.hds_thresh) Try(PutBackRings(nic_, {.hds_thresh = change.hds_thresh}));
    if (change.tcp_data_split) {
      Try(PutBackRings(nic_, {.tcp_data_split = change.tcp_data_split}));
    }
  }

  void SetFeatures() {
    std::map<std::string, bool> other;
    std::map<std::string, bool> change;
    for (const auto& [name, wanted] : wanted_.features) {
      const auto now = now_.features.find(name);
      if (now == now_.features.end() || now->second == wanted) continue;
      change[name] = wanted.wanted;
      // Only a changed wish makes the kernel look at a feature that something else switched.
      if (now->second.wanted == wanted.wanted) other[name] = !wanted.wanted;
    }
    if (!other.empty()) Try(AskForFeatures(nic_, other));
    if (!change.empty()) Try(AskForFeatures(nic_, change));
  }

  void SetMainRss() {
    if (!wanted_.rss || !now_.rss) return;
    RssChange change = Change(*wanted_.rss, *now_.rss);
    if (const auto table = std::exchange(change.table, {})) PutBackTable(*table);
    if (!change.Empty()) Try(SetRss(nic_, change));
  }

  void PutBackTable(const RssTable& table) {
    const Result<uint32_t> queues = GetRxRings(nic_);
    if (!queues.has_value()) {
      errors_.push_back(queues.error());
      return;
    }
    const bool useless_as_found =
        LeadsBeyond(table, *queues) && LeadsBeyond(now_.rss->table, *queues);
    if (!useless_as_found && SettableTable(table, *queues) != now_.rss->table) {
      Try(PutBackRssTable(nic_, table, IsDefault(table, *queues)));
    }
  }

  void SetContexts() {
    for (const auto& [number, wanted] : wanted_.contexts) {
      const auto now = now_.contexts.find(number);
      if (now == now_.contexts.end()) {
        Try(CreateRssContextAs(nic_, number, wanted));
      } else if (const RssChange change = Change(wanted, now->second); !change.Empty()) {
        Try(SetRss(nic_, change, number));
      }
    }
  }

  void InsertRules() {
    if (!wanted_.rules) return;
    const FlowRules now = now_.rules.value_or(FlowRules{});
    for (const RawFlowRule& rule : MissingRules(*wanted_.rules, now)) {
      const auto inserted = InsertFlowRule(nic_, rule, wanted_.rules->driver_numbers);
      if (!inserted.has_value()) errors_.push_back(inserted.error());
    }
  }

  Nic& nic_;
  const NicState& wanted_;
  Deadline deadline_;
  NicState now_;
  std::vector<Error> errors_;
};

}  // namespace

std::vector<Error> RestoreNicState(Nic& nic, const NicState& wanted, Deadline deadline) {
  return Restoration(nic, wanted, deadline).Run();
}

}  // namespace zcrx
