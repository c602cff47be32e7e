#include "support/nic/put_back.h"

#include <algorithm>
#include <cerrno>

namespace zcrx {

Status PutBackRings(Nic& nic, RingsChange back) {
  const Status restored = SetRings(nic, back);
  if (restored.has_value() || restored.error().code != EINVAL ||
      back.tcp_data_split != TcpDataSplit::kDisabled) {
    return restored;
  }
  back.tcp_data_split = TcpDataSplit::kUnknown;
  ZCRX_RETURN_IF_ERROR(SetRings(nic, back));
  ZCRX_ASSIGN_OR_RETURN(const Rings now, GetRings(nic));
  if (now.tcp_data_split != TcpDataSplit::kEnabled) return {};
  return restored;
}

bool LeadsBeyond(const RssTable& table, uint32_t queues) {
  return std::ranges::any_of(table, [&](uint32_t queue) { return queue >= queues; });
}

RssTable SettableTable(const RssTable& table, uint32_t queues) {
  if (!LeadsBeyond(table, queues)) return table;
  return DefaultRssTable(table.size(), queues);
}

Status PutBackRssTable(Nic& nic, const RssTable& found, bool was_default) {
  ZCRX_ASSIGN_OR_RETURN(const uint32_t queues, GetRxRings(nic));
  if (SettableTable(found, queues) != found) return ResetRssTable(nic);
  if (was_default) {
    ZCRX_RETURN_IF_ERROR(ResetRssTable(nic));
    ZCRX_ASSIGN_OR_RETURN(const Rss now, GetRss(nic));
    if (now.table == found) return {};
  }
  return SetRssTable(nic, found);
}

}  // namespace zcrx
