#include "support/nic/rss.h"

#include <linux/ethtool.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "support/base/kill_point.h"
#include "support/nic/uapi.h"

namespace zcrx {
namespace {

// indir_size 0 means "reset" for the main context, "delete" for others (ethtool_set_rxfh).
constexpr uint32_t kNoTable = 0;

// A request of ETHTOOL_SRSSH: struct ethtool_rxfh, directly followed by the table, then the key.
class RssIoctl {
 public:
  RssIoctl(uint32_t context, const RssChange& change)
      : RssIoctl(context, change.table ? static_cast<uint32_t>(change.table->size()) : kKeepTable,
                 change) {}
  // Creates a "reset" or "delete" request.
  explicit RssIoctl(uint32_t context) : RssIoctl(context, kNoTable, {}) {}

  Status Call(Nic& nic, const std::string& operation) {
    return nic.Ioctl(operation, words_.data());
  }
  [[nodiscard]] uint32_t Context() const {
    ethtool_rxfh header;
    std::memcpy(&header, words_.data(), sizeof(header));
    return header.rss_context;
  }

 private:
  // RXH_XFRM_NO_CHANGE. Since 6.8 the first reserved byte is input_xfrm, where 0 requests no
  // transformation and would switch off a symmetric hash.
  static constexpr uint8_t kKeepTransform = 0xff;
  static constexpr uint32_t kKeepTable = ETH_RXFH_INDIR_NO_CHANGE;

  RssIoctl(uint32_t context, uint32_t table_size, const RssChange& change) {
    const RssTable table = change.table.value_or(RssTable{});
    const std::vector<std::byte> key = change.key.value_or(std::vector<std::byte>{});
    ethtool_rxfh header{};
    header.cmd = ETHTOOL_SRSSH;
    header.rss_context = context;
    header.indir_size = table_size;
    header.key_size = static_cast<uint32_t>(key.size());
    // 0: ETH_RSS_HASH_NO_CHANGE.
    header.hfunc = static_cast<uint8_t>(change.hash_function.value_or(0));
    header.rsvd8[0] = static_cast<uint8_t>(change.input_transform.value_or(kKeepTransform));
    words_.resize(kHeaderWords + table.size() + (key.size() + 3) / sizeof(uint32_t));
    std::memcpy(words_.data(), &header, sizeof(header));
    std::ranges::copy(table, words_.begin() + kHeaderWords);
    if (!key.empty()) {
      std::memcpy(words_.data() + kHeaderWords + table.size(), key.data(), key.size());
    }
  }

  static_assert(sizeof(ethtool_rxfh) % sizeof(uint32_t) == 0);
  static constexpr ptrdiff_t kHeaderWords = sizeof(ethtool_rxfh) / sizeof(uint32_t);
  std::vector<uint32_t> words_;
};

netlink::Bytes AsBytes(const RssTable& table) { return std::as_bytes(std::span(table)); }

void Encode(const RssChange& change, netlink::Request& request) {
  if (change.hash_function) request.PutU32(uapi::ETHTOOL_A_RSS_HFUNC, *change.hash_function);
  if (change.table) request.PutBytes(uapi::ETHTOOL_A_RSS_INDIR, AsBytes(*change.table));
  if (change.key) request.PutBytes(uapi::ETHTOOL_A_RSS_HKEY, *change.key);
  if (change.input_transform)
    request.PutU32(uapi::ETHTOOL_A_RSS_INPUT_XFRM, *change.input_transform);
}

// Returns all settings of `rss`, without those that the driver does not report for a context.
RssChange Whole(const Rss& rss) {
  RssChange change = {.table = rss.table};
  if (!rss.key.empty()) change.key = rss.key;
  if (rss.hash_function != 0) change.hash_function = rss.hash_function;
  if (rss.input_transform != 0) change.input_transform = rss.input_transform;
  return change;
}

std::string Where(const Nic& nic, uint32_t context) {
  if (context == kMainRssContext) return nic.Name();
  return fmt::format("{} context {}", nic.Name(), context);
}

// Returns the names of the changed settings: "table and key".
std::string Text(const RssChange& change) {
  std::string text;
  const auto add = [&text](bool there, const char* part) {
    if (there) text += (text.empty() ? "" : ", ") + std::string(part);
  };
  add(change.table.has_value(), "table");
  add(change.key.has_value(), "key");
  add(change.hash_function.has_value(), "hash function");
  add(change.input_transform.has_value(), "symmetric hash");
  return text;
}

// Creates a context and returns its number: `wish` if the kernel takes one.
Result<uint32_t> CreateContext(Nic& nic, const RssChange& wanted, std::optional<uint32_t> wish,
                               const std::string& operation) {
  const KillPoints points("create_context");
  if (wanted.table && wanted.table->empty()) return Fail(operation, EINVAL, "the table is empty");
  if (!nic.Ethtool().Has(uapi::ETHTOOL_MSG_RSS_CREATE_ACT)) {
    RssIoctl request(ETH_RXFH_CONTEXT_ALLOC, wanted);
    ZCRX_RETURN_IF_ERROR(request.Call(nic, operation));
    return request.Context();
  }
  auto request = nic.EthtoolRequest(operation, uapi::ETHTOOL_MSG_RSS_CREATE_ACT);
  if (wish) request.PutU32(uapi::ETHTOOL_A_RSS_CONTEXT, *wish);
  Encode(wanted, request);
  ZCRX_ASSIGN_OR_RETURN(const auto reply, nic.CallForOne(request));
  const auto context = reply.Attrs().U32(uapi::ETHTOOL_A_RSS_CONTEXT);
  if (!context) return Fail(operation, EBADMSG, "the kernel's answer has no context number");
  return *context;
}

}  // namespace

RssTable DefaultRssTable(size_t size, uint32_t queues) {
  RssTable table(size);
  for (size_t i = 0; i < size; ++i) table[i] = static_cast<uint32_t>(i % std::max(queues, 1U));
  return table;
}

bool LeadsBeyond(const RssTable& table, uint32_t queues) {
  return std::ranges::any_of(table, [&](uint32_t queue) { return queue >= queues; });
}

Result<RssTable> RssTableExcluding(size_t size, uint32_t queues, uint32_t first, uint32_t count) {
  if (first >= queues || count > queues - first || count >= queues) {
    return Fail(fmt::format("keep {} queues from {} on of {} out of RSS", count, first, queues),
                EINVAL, "these queues and at least one other must exist");
  }
  RssTable table = DefaultRssTable(size, queues - count);
  for (uint32_t& queue : table) queue += queue >= first ? count : 0;
  return table;
}

Result<Rss> ParseRss(netlink::Attributes reply) {
  Rss rss;
  const auto table = reply.Find(uapi::ETHTOOL_A_RSS_INDIR).value_or(netlink::Bytes{});
  if (table.size() % sizeof(uint32_t) != 0) {
    return Fail("read RSS table", EBADMSG, fmt::format("it has {} bytes", table.size()));
  }
  rss.table.resize(table.size() / sizeof(uint32_t));
  if (!table.empty()) std::memcpy(rss.table.data(), table.data(), table.size());
  const auto key = reply.Find(uapi::ETHTOOL_A_RSS_HKEY).value_or(netlink::Bytes{});
  rss.key.assign(key.begin(), key.end());
  rss.hash_function = reply.U32(uapi::ETHTOOL_A_RSS_HFUNC).value_or(0);
  rss.input_transform = reply.U32(uapi::ETHTOOL_A_RSS_INPUT_XFRM).value_or(0);
  return rss;
}

Result<uint32_t> GetRxRings(Nic& nic) {
  ethtool_rxnfc request{};
  request.cmd = ETHTOOL_GRXRINGS;
  ZCRX_RETURN_IF_ERROR(nic.Ioctl("get number of rx rings of " + nic.Name(), &request));
  return static_cast<uint32_t>(request.data);
}

Result<Rss> GetRss(Nic& nic, uint32_t context) {
  auto request = nic.EthtoolRequest("get RSS of " + Where(nic, context), uapi::ETHTOOL_MSG_RSS_GET);
  if (context != kMainRssContext) request.PutU32(uapi::ETHTOOL_A_RSS_CONTEXT, context);
  ZCRX_ASSIGN_OR_RETURN(const auto reply, nic.CallForOne(request));
  return ParseRss(reply.Attrs());
}

Result<RssOfDevice> GetAllRss(Nic& nic) {
  auto request = nic.EthtoolDump("get RSS of " + nic.Name(), uapi::ETHTOOL_MSG_RSS_GET);
  const auto replies = nic.Call(request);
  RssOfDevice all;
  if (!replies.has_value() && replies.error().code == EOPNOTSUPP) {
    // Before 6.12 only the device's own RSS can be read.
    Result<Rss> main = GetRss(nic);
    if (main.has_value()) {
      all.main = *std::move(main);
    } else if (main.error().code != EOPNOTSUPP) {
      return std::unexpected(std::move(main).error());
    }
    return all;
  }
  if (!replies.has_value()) return std::unexpected(replies.error());
  for (const netlink::Message& message : *replies) {
    const auto reply = message.Attrs();
    ZCRX_ASSIGN_OR_RETURN(Rss rss, ParseRss(reply));
    if (const auto context = reply.U32(uapi::ETHTOOL_A_RSS_CONTEXT)) {
      all.contexts.insert_or_assign(*context, std::move(rss));
    } else {
      all.main = std::move(rss);
    }
  }
  return all;
}

Status SetRss(Nic& nic, const RssChange& change, uint32_t context) {
  const KillPoints points("set_rss");
  const std::string operation = fmt::format("set RSS {} of {}", Text(change), Where(nic, context));
  // An empty table would mean "reset" or "delete".
  if (change.table && change.table->empty()) return Fail(operation, EINVAL, "the table is empty");
  if (!nic.Ethtool().Has(uapi::ETHTOOL_MSG_RSS_SET)) {
    return RssIoctl(context, change).Call(nic, operation);
  }
  auto request = nic.EthtoolRequest(operation, uapi::ETHTOOL_MSG_RSS_SET);
  if (context != kMainRssContext) request.PutU32(uapi::ETHTOOL_A_RSS_CONTEXT, context);
  Encode(change, request);
  ZCRX_RETURN_IF_ERROR(nic.Call(request));
  return {};
}

Status SetRssTable(Nic& nic, const RssTable& table, uint32_t context) {
  return SetRss(nic, {.table = table}, context);
}

Status ResetRssTable(Nic& nic) {
  const KillPoints points("reset_rss");
  const std::string operation = "set RSS table of " + nic.Name() + " to the default";
  if (!nic.Ethtool().Has(uapi::ETHTOOL_MSG_RSS_SET)) {
    return RssIoctl(kMainRssContext).Call(nic, operation);
  }
  auto request = nic.EthtoolRequest(operation, uapi::ETHTOOL_MSG_RSS_SET);
  request.PutBytes(uapi::ETHTOOL_A_RSS_INDIR, {});
  ZCRX_RETURN_IF_ERROR(nic.Call(request));
  return {};
}

Result<uint32_t> CreateRssContext(Nic& nic, const RssTable& table) {
  return CreateContext(nic, {.table = table}, std::nullopt, "create RSS context on " + nic.Name());
}

Status CreateRssContextAs(Nic& nic, uint32_t context, const Rss& wanted) {
  const std::string operation = fmt::format("create RSS context {} on {}", context, nic.Name());
  ZCRX_ASSIGN_OR_RETURN(const uint32_t number,
                        CreateContext(nic, Whole(wanted), context, operation));
  if (number == context) return {};
  ZCRX_RETURN_IF_ERROR(DeleteRssContext(nic, number));
  return Fail(operation, EEXIST,
              fmt::format("this kernel chooses the number, and it would be {}", number));
}

Status DeleteRssContext(Nic& nic, uint32_t context) {
  const KillPoints points("delete_context");
  const std::string operation = "delete RSS context of " + Where(nic, context);
  if (context == kMainRssContext) {
    return Fail(operation, EINVAL, "the main context cannot be deleted");
  }
  if (!nic.Ethtool().Has(uapi::ETHTOOL_MSG_RSS_DELETE_ACT)) {
    return RssIoctl(context).Call(nic, operation);
  }
  auto request = nic.EthtoolRequest(operation, uapi::ETHTOOL_MSG_RSS_DELETE_ACT);
  request.PutU32(uapi::ETHTOOL_A_RSS_CONTEXT, context);
  ZCRX_RETURN_IF_ERROR(nic.Call(request));
  return {};
}

}  // namespace zcrx
