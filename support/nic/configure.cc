#include "support/nic/configure.h"

#include <cerrno>
#include <string>
#include <utility>

#include "support/nic/features.h"
#include "support/nic/huge_pages.h"
#include "support/nic/put_back.h"
#include "support/nic/queues.h"

namespace zcrx {
namespace {

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

Status ConfigureRings(Nic& nic, const RingsChange& wanted, UndoStack& undo) {
  ZCRX_ASSIGN_OR_RETURN(const Rings found, GetRings(nic));
  RingsChange change = Necessary(wanted, found);
  const auto undo_with = [&](const RingsChange& back) {
    undo.Add(fmt::format("rings of {} ({})", nic.Name(), back.Text()), [&nic, back]() -> Status {
      ZCRX_RETURN_IF_ERROR(WaitUntilChangeable(nic));
      return PutBackRings(nic, back);
    });
  };
  RingsChange back;
  if (change.tcp_data_split && change.tcp_data_split == found.tcp_data_split) {
    // By itself, so that the kernel tells of this one value whether it was configured. Where that
    // could not be heard it may have been, and it is to be undone.
    const Result<bool> configured = SetRingsAndTell(nic, {.tcp_data_split = change.tcp_data_split});
    if (!configured && configured.error().code != ENOBUFS) {
      return std::unexpected(configured.error());
    }
    if (configured.value_or(true)) back.tcp_data_split = TcpDataSplit::kUnknown;
    change.tcp_data_split.reset();
  }
  Status set;
  if (!change.Empty()) set = SetRings(nic, change);
  if (set) AddBack(change, found, back);
  // All in one: many drivers stop and start the device for each request.
  if (!back.Empty()) undo_with(back);
  return set;
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
  ZCRX_RETURN_IF_ERROR(SetFeature(nic, name, on));
  undo.Add(fmt::format("feature {} of {}", name, nic.Name()),
           [&nic, name = std::string(name), on] { return SetFeature(nic, name, !on); });
  return {};
}

Status ConfigureRssExcluding(Nic& nic, uint32_t first, uint32_t count, UndoStack& undo) {
  ZCRX_ASSIGN_OR_RETURN(const Rss found, GetRss(nic));
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
  ZCRX_ASSIGN_OR_RETURN(const HugePages found, GetHugePages());
  if (found.free >= pages) return {};
  // Before the change: even one that the kernel follows only half is one to undo.
  undo.Add("huge pages", [found] {
    return SetHugePages(found.set_to, found.used, Deadline::In(kProviderLeaves));
  });
  return SetHugePages(found.used + pages, found.used, Deadline::In(kProviderLeaves));
}

}  // namespace zcrx
