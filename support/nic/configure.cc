#include "support/nic/configure.h"

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

#include "support/base/wait.h"
#include "support/nic/features.h"
#include "support/nic/huge_pages.h"
#include "support/nic/put_back.h"
#include "support/nic/queues.h"

namespace zcrx {
namespace {

constexpr std::chrono::seconds kMemoryReturns{3};

// The kernel changes no ring and no channel under a memory provider (net/ethtool/rings.c).
Status WaitUntilChangeable(Nic& nic) {
  if (!CanSeeQueues(nic)) return {};
  return WaitForAllProvidersGone(nic, Deadline::In(kProviderLeaves));
}

// Of `wanted`, what is to be sent to a device that reports `found`.
RingsChange Necessary(const RingsChange& wanted, const Rings& found) {
  RingsChange change = wanted;
  if (change.rx == found.rx) change.rx.reset();
  if (change.tx == found.tx) change.tx.reset();
  const bool no_threshold = !found.hds_thresh && change.hds_thresh == 0U;
  if (change.hds_thresh == found.hds_thresh || no_threshold) change.hds_thresh.reset();
  return change;
}

// Whether it is set; that nothing could be heard of it is no error.
Status SetAtLeast(const Result<bool>& told) {
  if (!told && told.error().code != ENOBUFS) return std::unexpected(told.error());
  return {};
}

// The way back from `change`.
void AddBack(const RingsChange& change, const Rings& found, RingsChange& back) {
  if (change.rx) back.rx = found.rx;
  if (change.tx) back.tx = found.tx;
  if (change.tcp_data_split) {
    back.tcp_data_split = found.tcp_data_split.value_or(TcpDataSplit::kUnknown);
  }
  if (change.hds_thresh) back.hds_thresh = found.hds_thresh;
}

}  // namespace

Status ConfigureRings(const RingsDriver& driver, const RingsChange& wanted, UndoStack& undo) {
  ZCRX_ASSIGN_OR_RETURN(const Rings found, driver.get());
  RingsChange change = Necessary(wanted, found);
  RingsChange back;
  if (change.tcp_data_split && change.tcp_data_split == found.tcp_data_split) {
    // By itself, so that the kernel tells of this one value whether it was configured. Where that
    // could not be heard it may have been, and it is to be undone.
    const Result<bool> configured = driver.set({.tcp_data_split = change.tcp_data_split});
    ZCRX_RETURN_IF_ERROR(SetAtLeast(configured));
    if (configured.value_or(true)) back.tcp_data_split = TcpDataSplit::kUnknown;
    change.tcp_data_split.reset();
  }
  Status set;
  if (!change.Empty()) set = SetAtLeast(driver.set(change));
  if (!set && change.tcp_data_split == TcpDataSplit::kEnabled && set.error().code == EINVAL) {
    const Result<Feature> hw_gro = driver.hw_gro();
    // Its undo is below that of the rings.
    if (hw_gro && !hw_gro->active && hw_gro->changeable && driver.hw_gro_on(undo)) {
      set = SetAtLeast(driver.set(change));
    }
  }
  if (set) AddBack(change, found, back);
  // All in one: many drivers stop and start the device for each request.
  if (!back.Empty()) {
    undo.Add(fmt::format("rings of {} ({})", driver.device, back.Text()),
             [put_back = driver.put_back, back] { return put_back(back); });
  }
  return set;
}

Status ConfigureRings(Nic& nic, const RingsChange& wanted, UndoStack& undo) {
  const auto put_back = [&nic](const RingsChange& back) -> Status {
    ZCRX_RETURN_IF_ERROR(WaitUntilChangeable(nic));
    return PutBackRings(nic, back);
  };
  const RingsDriver driver = {
      .device = nic.Name(),
      .get = [&nic] { return GetRings(nic); },
      .set = [&nic](const RingsChange& change) { return SetRingsAndTell(nic, change); },
      .put_back = put_back,
      .hw_gro = [&nic] { return GetFeature(nic, kHwGro); },
      .hw_gro_on = [&nic](UndoStack& stack) { return ConfigureFeature(nic, kHwGro, true, stack); }};
  return ConfigureRings(driver, wanted, undo);
}

Status ConfigureChannels(Nic& nic, const ChannelsChange& wanted, UndoStack& undo) {
  ZCRX_ASSIGN_OR_RETURN(const Channels found, GetChannels(nic));
  ChannelsChange change;
  ChannelsChange back;
  const auto compare = [](const std::optional<Channels::Kind>& now,
                          const std::optional<uint32_t>& want, std::optional<uint32_t>& to,
                          std::optional<uint32_t>& from) {
    const uint32_t count = now ? now->count : 0;
    if (!want || *want == count) return;
    to = want;
    from = count;
  };
  compare(found.rx, wanted.rx, change.rx, back.rx);
  compare(found.tx, wanted.tx, change.tx, back.tx);
  compare(found.combined, wanted.combined, change.combined, back.combined);
  if (change.Empty()) return {};
  ZCRX_RETURN_IF_ERROR(SetChannels(nic, change));
  undo.Add("channels of " + nic.Name(), [&nic, back]() -> Status {
    ZCRX_RETURN_IF_ERROR(WaitUntilChangeable(nic));
    return SetChannels(nic, back);
  });
  return {};
}

Status ConfigureFeature(Nic& nic, std::string_view name, bool on, UndoStack& undo) {
  ZCRX_ASSIGN_OR_RETURN(const Feature found, GetFeature(nic, name));
  if (found.active == on) return {};
  const Status set = SetFeature(nic, name, on);
  if (!set && !found.changeable) return set;
  undo.Add(fmt::format("feature {} of {}", name, nic.Name()),
           [&nic, name = std::string(name), on, wanted = found.wanted] {
             return wanted == on ? AskForFeatures(nic, {{name, on}}) : SetFeature(nic, name, !on);
           });
  return set;
}

Status ConfigureRssExcluding(Nic& nic, uint32_t first, uint32_t count, UndoStack& undo) {
  ZCRX_ASSIGN_OR_RETURN(const Rss found, GetRss(nic));
  // A driver may have a key and nothing that the hash leads to (rss_get_data_alloc() in
  // net/ethtool/rss.c).
  if (found.table.empty()) {
    return Fail("get RSS table of " + nic.Name(), EOPNOTSUPP, "the device has none");
  }
  ZCRX_ASSIGN_OR_RETURN(const uint32_t queues, GetRxRings(nic));
  ZCRX_ASSIGN_OR_RETURN(const RssTable wanted,
                        RssTableExcluding(found.table.size(), queues, first, count));
  if (found.table == wanted) return {};
  ZCRX_RETURN_IF_ERROR(SetRssTable(nic, wanted));
  const bool was_default = found.table == DefaultRssTable(found.table.size(), queues);
  undo.Add("RSS table of " + nic.Name(), [&nic, table = found.table, was_default] {
    return PutBackRssTable(nic, table, was_default);
  });
  return {};
}

Result<uint32_t> AddRssContext(Nic& nic, uint32_t queue, UndoStack& undo) {
  // A context's table has the size of the main one.
  ZCRX_ASSIGN_OR_RETURN(const Rss main, GetRss(nic));
  ZCRX_ASSIGN_OR_RETURN(const uint32_t context,
                        CreateRssContext(nic, RssTable(main.table.size(), queue)));
  undo.Add(fmt::format("RSS context {} of {}", context, nic.Name()),
           [&nic, context] { return DeleteRssContext(nic, context); });
  return context;
}

Result<uint32_t> AddFlowRule(Nic& nic, const FlowRule& rule, UndoStack& undo) {
  ZCRX_ASSIGN_OR_RETURN(const uint32_t location, InsertFlowRule(nic, rule));
  undo.Add(fmt::format("flow rule {} of {}", location, nic.Name()),
           [&nic, location] { return DeleteFlowRule(nic, location); });
  return location;
}

Status ReserveHugePages(uint64_t pages, UndoStack& undo) {
  ZCRX_ASSIGN_OR_RETURN(HugePages now, GetHugePages());
  if (now.free >= pages) return {};
  // Before the change: even one that the kernel follows only half is one to undo.
  undo.Add("huge pages", [pages = now.set_to] { return SetHugePages(pages); });
  // The kernel gives what it finds memory for at the moment, and an area that was just given up
  // comes back in a kworker.
  Status set;
  const Status enough = Becomes(
      "there is memory for huge pages",
      [&]() -> Result<bool> {
        ZCRX_ASSIGN_OR_RETURN(now, GetHugePages());
        if (now.free >= pages) return true;
        set = SetHugePages(now.used + pages);
        if (!set && set.error().code != ENOMEM) return std::unexpected(set.error());
        return set.has_value();
      },
      Deadline::In(kMemoryReturns));
  return set ? enough : set;
}

}  // namespace zcrx
