#include "support/nic/rss.h"

#include <linux/ethtool.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "support/nic/uapi.h"

namespace zcrx {
namespace {

// ETHTOOL_SRSSH. A request is struct ethtool_rxfh with the table right behind it.
class RssIoctl {
 public:
  // RXH_XFRM_NO_CHANGE. Since 6.8 the first of the reserved bytes is input_xfrm, where 0 asks for
  // no transformation and would switch off a symmetric hash.
  static constexpr uint8_t kInputTransformNoChange = 0xff;

  RssIoctl(uint32_t context, uint32_t table_size, const RssTable& table)
      : words_(sizeof(ethtool_rxfh) / sizeof(uint32_t) + table.size()) {
    ethtool_rxfh header{};
    header.cmd = ETHTOOL_SRSSH;
    header.rss_context = context;
    header.indir_size = table_size;
    header.rsvd8[0] = kInputTransformNoChange;
    std::memcpy(words_.data(), &header, sizeof(header));
    if (!table.empty()) {
      std::memcpy(words_.data() + sizeof(header) / sizeof(uint32_t), table.data(),
                  table.size() * sizeof(uint32_t));
    }
  }

  Status Call(Nic& nic, const std::string& operation) {
    return nic.Ioctl(operation, words_.data());
  }
  [[nodiscard]] uint32_t Context() const {
    ethtool_rxfh header;
    std::memcpy(&header, words_.data(), sizeof(header));
    return header.rss_context;
  }

 private:
  static_assert(sizeof(ethtool_rxfh) % sizeof(uint32_t) == 0);
  std::vector<uint32_t> words_;
};

// indir_size 0: "reset" for the main context, "delete" for others (ethtool_set_rxfh).
constexpr uint32_t kNoTable = 0;

netlink::Bytes AsBytes(const RssTable& table) { return std::as_bytes(std::span(table)); }

std::string Where(const Nic& nic, uint32_t context) {
  if (context == kMainRssContext) return nic.Name();
  return fmt::format("{} context {}", nic.Name(), context);
}

}  // namespace

RssTable DefaultRssTable(size_t size, uint32_t queues) {
  RssTable table(size);
  for (size_t i = 0; i < size; ++i) table[i] = static_cast<uint32_t>(i % std::max(queues, 1U));
  return table;
}

Result<RssTable> RssTableExcluding(size_t size, uint32_t queues, uint32_t excluded) {
  if (excluded >= queues || queues < 2) {
    return Fail(fmt::format("keep queue {} of {} out of RSS", excluded, queues), EINVAL,
                "there have to be the queue itself and another one");
  }
  RssTable table = DefaultRssTable(size, queues - 1);
  for (uint32_t& queue : table) queue += queue >= excluded ? 1 : 0;
  return table;
}

Result<Rss> ParseRss(netlink::Attributes reply) {
  Rss rss;
  const auto table = reply.Find(uapi::kRssTable).value_or(netlink::Bytes{});
  if (table.size() % sizeof(uint32_t) != 0) {
    return Fail("read RSS table", EBADMSG, fmt::format("it has {} bytes", table.size()));
  }
  rss.table.resize(table.size() / sizeof(uint32_t));
  if (!table.empty()) std::memcpy(rss.table.data(), table.data(), table.size());
  const auto key = reply.Find(uapi::kRssKey).value_or(netlink::Bytes{});
  rss.key.assign(key.begin(), key.end());
  rss.hash_function = reply.U32(uapi::kRssHashFunction).value_or(0);
  return rss;
}

Result<uint32_t> GetRxRings(Nic& nic) {
  ethtool_rxnfc request{};
  request.cmd = ETHTOOL_GRXRINGS;
  ZCRX_RETURN_IF_ERROR(nic.Ioctl("get number of rx rings of " + nic.Name(), &request));
  return static_cast<uint32_t>(request.data);
}

Result<Rss> GetRss(Nic& nic, uint32_t context) {
  auto request = nic.EthtoolRequest("get RSS of " + Where(nic, context), uapi::kEthtoolMsgRssGet);
  if (context != kMainRssContext) request.PutU32(uapi::kRssContext, context);
  ZCRX_ASSIGN_OR_RETURN(const auto reply, nic.Ethtool().CallForOne(request));
  return ParseRss(reply.Attrs());
}

Status SetRssTable(Nic& nic, const RssTable& table, uint32_t context) {
  const std::string operation = "set RSS table of " + Where(nic, context);
  // An empty table would be taken for "reset" or "delete".
  if (table.empty()) return Fail(operation, EINVAL, "the table is empty");
  if (!nic.Ethtool().Has(uapi::kEthtoolMsgRssSet)) {
    RssIoctl request(context, static_cast<uint32_t>(table.size()), table);
    return request.Call(nic, operation);
  }
  auto request = nic.EthtoolRequest(operation, uapi::kEthtoolMsgRssSet);
  if (context != kMainRssContext) request.PutU32(uapi::kRssContext, context);
  request.PutBytes(uapi::kRssTable, AsBytes(table));
  ZCRX_RETURN_IF_ERROR(nic.Ethtool().Call(request));
  return {};
}

Status ResetRssTable(Nic& nic) {
  const std::string operation = "set RSS table of " + nic.Name() + " to the default";
  if (!nic.Ethtool().Has(uapi::kEthtoolMsgRssSet)) {
    RssIoctl request(kMainRssContext, kNoTable, {});
    return request.Call(nic, operation);
  }
  auto request = nic.EthtoolRequest(operation, uapi::kEthtoolMsgRssSet);
  request.PutBytes(uapi::kRssTable, {});
  ZCRX_RETURN_IF_ERROR(nic.Ethtool().Call(request));
  return {};
}

Result<uint32_t> CreateRssContext(Nic& nic, const RssTable& table) {
  const std::string operation = "create RSS context on " + nic.Name();
  if (table.empty()) return Fail(operation, EINVAL, "the table is empty");
  if (!nic.Ethtool().Has(uapi::kEthtoolMsgRssCreateAct)) {
    RssIoctl request(ETH_RXFH_CONTEXT_ALLOC, static_cast<uint32_t>(table.size()), table);
    ZCRX_RETURN_IF_ERROR(request.Call(nic, operation));
    return request.Context();
  }
  auto request = nic.EthtoolRequest(operation, uapi::kEthtoolMsgRssCreateAct);
  request.PutBytes(uapi::kRssTable, AsBytes(table));
  ZCRX_ASSIGN_OR_RETURN(const auto reply, nic.Ethtool().CallForOne(request));
  const auto context = reply.Attrs().U32(uapi::kRssContext);
  if (!context) return Fail(operation, EBADMSG, "the kernel's answer has no context number");
  return *context;
}

Status DeleteRssContext(Nic& nic, uint32_t context) {
  const std::string operation = "delete RSS context of " + Where(nic, context);
  if (context == kMainRssContext) {
    return Fail(operation, EINVAL, "the main context cannot be deleted");
  }
  if (!nic.Ethtool().Has(uapi::kEthtoolMsgRssDeleteAct)) {
    RssIoctl request(context, kNoTable, {});
    return request.Call(nic, operation);
  }
  auto request = nic.EthtoolRequest(operation, uapi::kEthtoolMsgRssDeleteAct);
  request.PutU32(uapi::kRssContext, context);
  ZCRX_RETURN_IF_ERROR(nic.Ethtool().Call(request));
  return {};
}

}  // namespace zcrx
