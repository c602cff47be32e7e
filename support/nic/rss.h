// RSS: indirection tables of the device and of additional RSS contexts: ethtool -x and -X. Uses
// netlink (ETHTOOL_MSG_RSS_*; SET, CREATE_ACT and DELETE_ACT since 6.17) if the kernel has the
// command, because its errors have a message; else ETHTOOL_SRSSH.
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
  uint32_t hash_function = 0;    // ETH_RSS_HASH_*, one bit; 0: not reported by the driver
  uint32_t input_transform = 0;  // RXH_XFRM_* of a symmetric hash; 0: none

  bool operator==(const Rss&) const = default;
};

// Absent fields are not sent and stay as they are.
struct RssChange {
  std::optional<RssTable> table = {};
  std::optional<std::vector<std::byte>> key = {};
  std::optional<uint32_t> hash_function = {};
  std::optional<uint32_t> input_transform = {};

  bool operator==(const RssChange&) const = default;
  [[nodiscard]] bool Empty() const { return *this == RssChange{}; }
};

inline constexpr uint32_t kMainRssContext = 0;

// Returns how many rx queues a table may use (ETHTOOL_GRXRINGS).
Result<uint32_t> GetRxRings(Nic& nic);

Result<Rss> GetRss(Nic& nic, uint32_t context = kMainRssContext);
// RSS of the device and of all additional contexts by their numbers; the kernel's dump includes
// contexts since 6.12. Empty if the device has no RSS.
struct RssOfDevice {
  std::optional<Rss> main = {};
  std::map<uint32_t, Rss> contexts = {};
};
Result<RssOfDevice> GetAllRss(Nic& nic);
Status SetRss(Nic& nic, const RssChange& change, uint32_t context = kMainRssContext);
// Sets a table. It must have the size that was read, and every entry must be below the number of rx
// queues.
Status SetRssTable(Nic& nic, const RssTable& table, uint32_t context = kMainRssContext);
// Restores the driver's spread over all queues: ethtool -X default. Only this clears the kernel's
// note that a user configured the table (netif_is_rxfh_configured), which cannot be read.
Status ResetRssTable(Nic& nic);

// Creates a context with its own table and the main context's key. Returns its number.
Result<uint32_t> CreateRssContext(Nic& nic, const RssTable& table);
// Creates a context like `wanted` with this number. Only ETHTOOL_MSG_RSS_CREATE_ACT (6.17) takes a
// number; older kernels choose the lowest free one, and any other than `context` is an error
// (EEXIST).
Status CreateRssContextAs(Nic& nic, uint32_t context, const Rss& wanted);
// Deletes a context. Fails with EBUSY while a flow rule leads to it.
Status DeleteRssContext(Nic& nic, uint32_t context);

// Returns the table of ethtool_rxfh_indir_default: entry i leads to queue i % queues, or to 0 if
// there are no queues.
RssTable DefaultRssTable(size_t size, uint32_t queues);
// Returns whether an entry leads beyond the first `queues` queues: channels may have been removed
// since the table was set.
bool LeadsBeyond(const RssTable& table, uint32_t queues);
// Returns a table like the default that skips `count` queues from `first` on. Fails if no other
// queue is left.
Result<RssTable> RssTableExcluding(size_t size, uint32_t queues, uint32_t first,
                                   uint32_t count = 1);

// Parses the reply to ETHTOOL_MSG_RSS_GET. Fails if the length of the table is not a multiple of an
// entry.
Result<Rss> ParseRss(netlink::Attributes reply);

}  // namespace zcrx
