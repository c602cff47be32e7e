// RSS: the indirection table of the device and of additional contexts: ethtool -x and -X.
// By netlink (ETHTOOL_MSG_RSS_*; SET since 6.17, CREATE_ACT and DELETE_ACT since 6.17) where the
// kernel has the command, for the sentence in its errors; by ETHTOOL_SRSSH where it does not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "support/base/result.h"
#include "support/nic/netlink/message.h"
#include "support/nic/nic.h"

namespace zcrx {

using RssTable = std::vector<uint32_t>;  // hash modulo size -> rx queue

struct Rss {
  RssTable table = {};
  std::vector<std::byte> key = {};
  uint32_t hash_function = 0;    // ETH_RSS_HASH_*, one bit; 0 where the driver does not say
  uint32_t input_transform = 0;  // RXH_XFRM_*: a symmetric hash; 0 none

  bool operator==(const Rss&) const = default;
};

// Absent: left as it is, and not sent.
struct RssChange {
  std::optional<RssTable> table = {};
  std::optional<std::vector<std::byte>> key = {};
  std::optional<uint32_t> hash_function = {};
  std::optional<uint32_t> input_transform = {};

  bool operator==(const RssChange&) const = default;
  [[nodiscard]] bool Empty() const { return *this == RssChange{}; }
};

inline constexpr uint32_t kMainRssContext = 0;

// How many rx queues a table may lead to (ETHTOOL_GRXRINGS).
Result<uint32_t> GetRxRings(Nic& nic);

Result<Rss> GetRss(Nic& nic, uint32_t context = kMainRssContext);
// The device's, and all additional contexts by their numbers; the dump shows those since 6.12.
// Nothing where the device has no RSS.
struct RssOfDevice {
  std::optional<Rss> main = {};
  std::map<uint32_t, Rss> contexts = {};
};
Result<RssOfDevice> GetAllRss(Nic& nic);
Status SetRss(Nic& nic, const RssChange& change, uint32_t context = kMainRssContext);
// `table` has the size that was read, every entry below the number of rx queues.
Status SetRssTable(Nic& nic, const RssTable& table, uint32_t context = kMainRssContext);
// Back to the driver's spread over all queues: ethtool -X default. Only this clears the kernel's
// note that a user configured the table (netif_is_rxfh_configured), which cannot be read.
Status ResetRssTable(Nic& nic);

// A further context with a table of its own (and the main context's key): its number.
Result<uint32_t> CreateRssContext(Nic& nic, const RssTable& table);
// One like `wanted` with this number. Only ETHTOOL_MSG_RSS_CREATE_ACT (6.17) takes a wish; before,
// the lowest free number comes, and another one than this is an error (EEXIST).
Status CreateRssContextAs(Nic& nic, uint32_t context, const Rss& wanted);
// EBUSY while a flow rule leads there.
Status DeleteRssContext(Nic& nic, uint32_t context);

// ethtool_rxfh_indir_default: entry i leads to queue i % queues, all to 0 where
// there are none.
RssTable DefaultRssTable(size_t size, uint32_t queues);
// Whether it leads to a queue beyond the first `queues`: channels may have gone since it was set.
bool LeadsBeyond(const RssTable& table, uint32_t queues);
// As the default, going round the queues other than the `count` from `first` on. Fails where no
// other queue is left.
Result<RssTable> RssTableExcluding(size_t size, uint32_t queues, uint32_t first,
                                   uint32_t count = 1);

// The reply to ETHTOOL_MSG_RSS_GET; fails on a table whose length is not whole entries.
Result<Rss> ParseRss(netlink::Attributes reply);

}  // namespace zcrx
