// RSS: the indirection table of the device and of additional contexts: ethtool -x and -X.
// By netlink (ETHTOOL_MSG_RSS_*; SET since 6.17, CREATE_ACT and DELETE_ACT since 6.17) where the
// kernel has the command, for the sentence in its errors; by ETHTOOL_SRSSH where it does not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/base/result.h"
#include "support/nic/netlink/message.h"
#include "support/nic/nic.h"

namespace zcrx {

using RssTable = std::vector<uint32_t>;  // hash modulo size -> rx queue

struct Rss {
  RssTable table;
  std::vector<std::byte> key;
  uint32_t hash_function = 0;  // ETH_RSS_HASH_*, one bit; 0 where the driver does not say

  bool operator==(const Rss&) const = default;
};

inline constexpr uint32_t kMainRssContext = 0;

// How many rx queues a table may lead to (ETHTOOL_GRXRINGS).
Result<uint32_t> GetRxRings(Nic& nic);

Result<Rss> GetRss(Nic& nic, uint32_t context = kMainRssContext);
// `table` has the size that was read, every entry below the number of rx queues.
Status SetRssTable(Nic& nic, const RssTable& table, uint32_t context = kMainRssContext);
// Back to the driver's spread over all queues: ethtool -X default. Only this clears the kernel's
// note that a user configured the table (netif_is_rxfh_configured), which cannot be read.
Status ResetRssTable(Nic& nic);

// A further context with a table of its own (and the main context's key): its number.
Result<uint32_t> CreateRssContext(Nic& nic, const RssTable& table);
// EBUSY while a flow rule leads there.
Status DeleteRssContext(Nic& nic, uint32_t context);

// ethtool_rxfh_indir_default: entry i leads to queue i % queues, all to 0 where
// there are none.
RssTable DefaultRssTable(size_t size, uint32_t queues);
// The same, going round the queues other than `excluded`. Fails where no other queue is left.
Result<RssTable> RssTableExcluding(size_t size, uint32_t queues, uint32_t excluded);

// The reply to ETHTOOL_MSG_RSS_GET; fails on a table whose length is not whole entries.
Result<Rss> ParseRss(netlink::Attributes reply);

}  // namespace zcrx
