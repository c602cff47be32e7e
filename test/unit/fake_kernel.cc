#include "test/unit/fake_kernel.h"

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "support/nic/uapi.h"

namespace zcrx {
namespace {

using netlink::Attributes;
using netlink::Bytes;
using netlink::Message;

constexpr uint32_t kIfindex = 7;
constexpr int kEthtoolFamily = 100;
constexpr int kNetdevFamily = 101;
constexpr uint32_t kMonitor = 1;
constexpr int kHeader = 1;  // ETHTOOL_A_RINGS_HEADER and its like

// A message of the kernel's.
class Reply {
 public:
  Reply(int type, const void* header, size_t size) : message_{.type = type, .payload = {}} {
    message_.payload.reserve(512);
    Append({static_cast<const std::byte*>(header), size});
  }
  static Reply Generic(int family, uint8_t command) {
    const genlmsghdr header{.cmd = command, .version = 1, .reserved = 0};
    return {family, &header, sizeof(header)};
  }

  Reply& Put(int type, Bytes bytes) {
    const nlattr header{.nla_len = static_cast<uint16_t>(sizeof(header) + bytes.size()),
                        .nla_type = static_cast<uint16_t>(type)};
    Append(std::as_bytes(std::span(&header, 1)));
    Append(bytes);
    return *this;
  }
  Reply& Put(int type, const std::optional<uint32_t>& value) {
    return value ? Put(type, std::as_bytes(std::span(&*value, 1))) : *this;
  }
  Reply& Put(int type, std::string_view text) {
    const std::string terminated(text);
    return Put(type, std::as_bytes(std::span(terminated.c_str(), terminated.size() + 1)));
  }
  Reply& Flag(int type) { return Put(type, Bytes{}); }
  // Its length is known once `fill` has put what is in it.
  template <typename Fill>
  Reply& Nest(int type, Fill fill) {
    const size_t begin = message_.payload.size();
    Put(type, Bytes{});
    fill();
    const auto size = static_cast<uint16_t>(message_.payload.size() - begin);
    std::memcpy(message_.payload.data() + begin, &size, sizeof(size));
    return *this;
  }
  [[nodiscard]] Message Take() { return std::move(message_); }

 private:
  void Append(Bytes bytes) {
    message_.payload.insert(message_.payload.end(), bytes.begin(), bytes.end());
    message_.payload.resize((message_.payload.size() + 3) & ~size_t{3});
  }
  Message message_;
};

class FakeNotifications : public Notifications {
 public:
  explicit FakeNotifications(std::shared_ptr<std::vector<Message>> messages)
      : messages_(std::move(messages)) {}
  Result<std::vector<Message>> Next(Deadline /*deadline*/) override {
    return std::exchange(*messages_, {});
  }

 private:
  std::shared_ptr<std::vector<Message>> messages_;
};

Message FeaturesReply(const FakeNic& nic) {
  Reply reply = Reply::Generic(kEthtoolFamily, ETHTOOL_MSG_FEATURES_GET_REPLY);
  const auto bits = [&](int type, bool mask, auto is_listed, auto is_set) {
    reply.Nest(type, [&] {
      if (!mask) reply.Flag(ETHTOOL_A_BITSET_NOMASK);
      reply.Nest(ETHTOOL_A_BITSET_BITS, [&] {
        for (const auto& [name, feature] : nic.features) {
          if (!is_listed(feature)) continue;
          reply.Nest(ETHTOOL_A_BITSET_BITS_BIT, [&] {
            reply.Put(ETHTOOL_A_BITSET_BIT_NAME, name);
            if (mask && is_set(feature)) reply.Flag(ETHTOOL_A_BITSET_BIT_VALUE);
          });
        }
      });
    });
  };
  const auto changeable = [](const Feature& feature) { return feature.changeable; };
  const auto wanted = [](const Feature& feature) { return feature.wanted; };
  const auto active = [](const Feature& feature) { return feature.active; };
  const auto all = [](const Feature&) { return true; };
  bits(ETHTOOL_A_FEATURES_HW, true, all, changeable);
  bits(ETHTOOL_A_FEATURES_WANTED, false, wanted, wanted);
  bits(ETHTOOL_A_FEATURES_ACTIVE, false, active, active);
  return reply.Take();
}

Message RingsReply(const Rings& rings) {
  const auto split = static_cast<uint8_t>(*rings.tcp_data_split);
  return Reply::Generic(kEthtoolFamily, ETHTOOL_MSG_RINGS_GET_REPLY)
      .Put(ETHTOOL_A_RINGS_RX, rings.rx)
      .Put(ETHTOOL_A_RINGS_RX_MAX, rings.rx_max)
      .Put(ETHTOOL_A_RINGS_RX_JUMBO, rings.rx_jumbo)
      .Put(ETHTOOL_A_RINGS_TX, rings.tx)
      .Put(ETHTOOL_A_RINGS_TX_MAX, rings.tx_max)
      .Put(ETHTOOL_A_RINGS_TCP_DATA_SPLIT, std::as_bytes(std::span(&split, 1)))
      .Put(uapi::ETHTOOL_A_RINGS_HDS_THRESH, rings.hds_thresh)
      .Put(uapi::ETHTOOL_A_RINGS_HDS_THRESH_MAX, rings.hds_thresh_max)
      .Take();
}

Message ChannelsReply(const Channels& channels) {
  Reply reply = Reply::Generic(kEthtoolFamily, ETHTOOL_MSG_CHANNELS_GET_REPLY);
  const auto put = [&](const std::optional<Channels::Kind>& kind, int count, int max) {
    if (kind) reply.Put(count, kind->count).Put(max, kind->max);
  };
  put(channels.rx, ETHTOOL_A_CHANNELS_RX_COUNT, ETHTOOL_A_CHANNELS_RX_MAX);
  put(channels.tx, ETHTOOL_A_CHANNELS_TX_COUNT, ETHTOOL_A_CHANNELS_TX_MAX);
  put(channels.combined, ETHTOOL_A_CHANNELS_COMBINED_COUNT, ETHTOOL_A_CHANNELS_COMBINED_MAX);
  return reply.Take();
}

Message RssReply(uint32_t context, const Rss& rss) {
  Reply reply = Reply::Generic(kEthtoolFamily, uapi::ETHTOOL_MSG_RSS_GET);
  if (context != kMainRssContext) reply.Put(uapi::ETHTOOL_A_RSS_CONTEXT, context);
  return reply.Put(uapi::ETHTOOL_A_RSS_HFUNC, rss.hash_function)
      .Put(uapi::ETHTOOL_A_RSS_INDIR, std::as_bytes(std::span(rss.table)))
      .Put(uapi::ETHTOOL_A_RSS_HKEY, rss.key)
      .Put(uapi::ETHTOOL_A_RSS_INPUT_XFRM, rss.input_transform)
      .Take();
}

RssChange RssChangeOf(Attributes attributes) {
  RssChange change;
  if (const auto table = attributes.Find(uapi::ETHTOOL_A_RSS_INDIR)) {
    change.table.emplace(table->size() / sizeof(uint32_t));
    if (!table->empty()) std::memcpy(change.table->data(), table->data(), table->size());
  }
  if (const auto key = attributes.Find(uapi::ETHTOOL_A_RSS_HKEY))
    change.key.emplace(key->begin(), key->end());
  change.hash_function = attributes.U32(uapi::ETHTOOL_A_RSS_HFUNC);
  change.input_transform = attributes.U32(uapi::ETHTOOL_A_RSS_INPUT_XFRM);
  return change;
}

RingsChange RingsChangeOf(Attributes attributes) {
  RingsChange change = {.rx = attributes.U32(ETHTOOL_A_RINGS_RX),
                        .rx_jumbo = attributes.U32(ETHTOOL_A_RINGS_RX_JUMBO),
                        .tx = attributes.U32(ETHTOOL_A_RINGS_TX),
                        .hds_thresh = attributes.U32(uapi::ETHTOOL_A_RINGS_HDS_THRESH)};
  if (const auto split = attributes.U8(ETHTOOL_A_RINGS_TCP_DATA_SPLIT)) {
    change.tcp_data_split = static_cast<TcpDataSplit>(*split);
  }
  return change;
}

}  // namespace

Result<netlink::Family> FakeKernel::FindFamily(std::string_view name) {
  if (name == "ethtool") {
    return netlink::Family{.id = kEthtoolFamily,
                           .commands = {uapi::ETHTOOL_MSG_RSS_SET, uapi::ETHTOOL_MSG_RSS_CREATE_ACT,
                                        uapi::ETHTOOL_MSG_RSS_DELETE_ACT},
                           .groups = {{"monitor", kMonitor}}};
  }
  return netlink::Family{.id = kNetdevFamily,
                         .commands = {uapi::NETDEV_CMD_QUEUE_GET},
                         .groups = {{NETDEV_MCGRP_PAGE_POOL, 2}}};
}

Result<std::unique_ptr<Notifications>> FakeKernel::Listen(int /*protocol*/, uint32_t /*group*/) {
  notifications_->clear();
  return std::make_unique<FakeNotifications>(notifications_);
}

Result<std::vector<Message>> FakeKernel::Call(int protocol, netlink::Request& request) {
  ZCRX_ASSIGN_OR_RETURN(nl_msg * msg, request.Finish());
  const nlmsghdr* header = nlmsg_hdr(msg);
  const auto* begin = reinterpret_cast<const std::byte*>(header);
  const Bytes payload(begin + sizeof(*header), begin + header->nlmsg_len);
  Messages messages;
  int code = EOPNOTSUPP;
  if (protocol == NETLINK_ROUTE) {
    code = CallRoute(header->nlmsg_type, Attributes(payload.subspan(sizeof(ifinfomsg))), payload,
                     messages);
  } else {
    const auto command = std::to_integer<uint8_t>(payload.front());
    const Attributes attributes(payload.subspan(GENL_HDRLEN));
    const bool dump = (header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    code = header->nlmsg_type == kEthtoolFamily ? CallEthtool(command, attributes, dump, messages)
                                                : CallNetdev(command, messages);
  }
  if (code != 0) return Fail(request.Operation(), code);
  return messages;
}

int FakeKernel::CallRoute(int type, Attributes attributes, Bytes header, Messages& messages) {
  ifinfomsg link{};
  std::memcpy(&link, header.data(), sizeof(link));
  if (type == RTM_GETLINK) {
    link.ifi_index = kIfindex;
    link.ifi_flags = nic_.up ? IFF_UP | IFF_RUNNING : 0;
    messages.push_back(Reply(RTM_NEWLINK, &link, sizeof(link))
                           .Put(IFLA_IFNAME, kFakeNicName)
                           .Put(IFLA_MTU, nic_.mtu)
                           .Take());
    return 0;
  }
  if (type == RTM_DELLINK) return ENODEV;  // of a name that is not the NIC's
  if (before_change_) before_change_();
  if (const auto mtu = attributes.U32(IFLA_MTU)) return nic_.SetMtu(*mtu);
  return nic_.SetUp((link.ifi_flags & IFF_UP) != 0);
}

int FakeKernel::SetFeatures(Attributes attributes) {
  std::map<std::string, bool> wanted;
  attributes.Nested(ETHTOOL_A_FEATURES_WANTED)
      .Nested(ETHTOOL_A_BITSET_BITS)
      .ForEach([&](int, Bytes bit) {
        wanted[Attributes(bit).Text(ETHTOOL_A_BITSET_BIT_NAME).value_or("")] =
            Attributes(bit).Has(ETHTOOL_A_BITSET_BIT_VALUE);
      });
  return nic_.AskForFeatures(wanted);
}

int FakeKernel::CallEthtool(uint8_t command, Attributes attributes, bool dump, Messages& messages) {
  const uint32_t context = attributes.U32(uapi::ETHTOOL_A_RSS_CONTEXT).value_or(kMainRssContext);
  switch (command) {
    case ETHTOOL_MSG_FEATURES_GET:
      messages.push_back(FeaturesReply(nic_));
      return 0;
    case ETHTOOL_MSG_CHANNELS_GET:
      messages.push_back(ChannelsReply(nic_.channels));
      return 0;
    case ETHTOOL_MSG_RINGS_GET:
      messages.push_back(RingsReply(nic_.ShownRings()));
      return 0;
    case uapi::ETHTOOL_MSG_RSS_GET:
      if (!nic_.rss) return EOPNOTSUPP;
      if (context == kMainRssContext) messages.push_back(RssReply(context, *nic_.rss));
      for (const auto& [number, rss] : nic_.contexts) {
        if (dump || number == context) messages.push_back(RssReply(number, rss));
      }
      return messages.empty() ? ENOENT : 0;
    default:
      break;
  }
  if (before_change_) before_change_();
  switch (command) {
    case ETHTOOL_MSG_FEATURES_SET:
      return SetFeatures(attributes);
    case ETHTOOL_MSG_CHANNELS_SET:
      return nic_.SetChannels({.rx = attributes.U32(ETHTOOL_A_CHANNELS_RX_COUNT),
                               .tx = attributes.U32(ETHTOOL_A_CHANNELS_TX_COUNT),
                               .combined = attributes.U32(ETHTOOL_A_CHANNELS_COMBINED_COUNT)});
    case ETHTOOL_MSG_RINGS_SET: {
      bool told = false;
      const int code = nic_.SetRings(RingsChangeOf(attributes), told);
      if (told && nic_.driver.loses_notifications) {
        notifications_->push_back(Message{});
      } else if (told) {
        Reply reply = Reply::Generic(kEthtoolFamily, ETHTOOL_MSG_RINGS_NTF);
        reply.Nest(kHeader, [&] { reply.Put(ETHTOOL_A_HEADER_DEV_INDEX, kIfindex); });
        notifications_->push_back(reply.Take());
      }
      return code;
    }
    case uapi::ETHTOOL_MSG_RSS_SET: {
      const RssChange change = RssChangeOf(attributes);
      if (change.table && change.table->empty()) return nic_.ResetRssTable();
      return nic_.SetRss(context, change);
    }
    case uapi::ETHTOOL_MSG_RSS_CREATE_ACT: {
      uint32_t number = 0;
      const int code = nic_.CreateContext(attributes.U32(uapi::ETHTOOL_A_RSS_CONTEXT),
                                          RssChangeOf(attributes), number);
      if (code == 0) messages.push_back(RssReply(number, nic_.contexts.at(number)));
      return code;
    }
    case uapi::ETHTOOL_MSG_RSS_DELETE_ACT:
      return nic_.DeleteContext(context);
    default:
      return EOPNOTSUPP;
  }
}

int FakeKernel::CallNetdev(uint8_t command, Messages& messages) {
  if (command != uapi::NETDEV_CMD_QUEUE_GET) return EOPNOTSUPP;
  if (!nic_.up) return 0;
  for (uint32_t queue = 0; queue < nic_.RxQueues(); ++queue) {
    Reply reply = Reply::Generic(kNetdevFamily, command);
    reply.Put(uapi::NETDEV_A_QUEUE_ID, queue)
        .Put(uapi::NETDEV_A_QUEUE_IFINDEX, kIfindex)
        .Put(uapi::NETDEV_A_QUEUE_TYPE, uapi::NETDEV_QUEUE_TYPE_RX);
    if (nic_.providers.contains(queue)) reply.Flag(uapi::NETDEV_A_QUEUE_IO_URING);
    messages.push_back(reply.Take());
  }
  if (!nic_.providers_stay) nic_.providers.clear();
  return 0;
}

Status FakeKernel::Ioctl(const std::string& operation, uint32_t /*ifindex*/, void* data) {
  uint32_t command = 0;
  std::memcpy(&command, data, sizeof(command));
  int code = 0;
  if (command == ETHTOOL_GDRVINFO) {
    auto* info = static_cast<ethtool_drvinfo*>(data);
    nic_.driver.name.copy(info->driver, sizeof(info->driver) - 1);
  } else if (command != ETHTOOL_GPERMADDR) {
    code = RulesIoctl(data);
  }
  if (code != 0) return Fail(operation, code);
  return {};
}

int FakeKernel::RulesIoctl(void* data) {
  auto* request = static_cast<ethtool_rxnfc*>(data);
  const auto rule = std::ranges::find(nic_.rules, request->fs.location, &RawFlowRule::Location);
  switch (request->cmd) {
    case ETHTOOL_GRXRINGS:
      request->data = nic_.RxQueues();
      return 0;
    case ETHTOOL_GRXCLSRLCNT:
      request->rule_cnt = static_cast<uint32_t>(nic_.rules.size());
      request->data = nic_.driver.numbers_rules ? RX_CLS_LOC_SPECIAL : 0;
      return 0;
    case ETHTOOL_GRXCLSRLALL:
      request->data = 8;
      for (size_t i = 0; i < nic_.rules.size(); ++i) {
        request->rule_locs[i] = nic_.rules[i].Location();
      }
      return 0;
    case ETHTOOL_GRXCLSRULE:
      if (rule == nic_.rules.end()) return ENOENT;
      std::memcpy(&request->fs, rule->spec.data(), rule->spec.size());
      request->rss_context = rule->context;
      return 0;
    default:
      break;
  }
  if (before_change_) before_change_();
  if (request->cmd == ETHTOOL_SRXCLSRLDEL) return nic_.DeleteRule(request->fs.location);
  if (request->cmd != ETHTOOL_SRXCLSRLINS) return EOPNOTSUPP;
  RawFlowRule wanted;
  std::memcpy(wanted.spec.data(), &request->fs, wanted.spec.size());
  if (request->fs.flow_type & FLOW_RSS) wanted.context = request->rss_context;
  uint32_t location = 0;
  const int code = nic_.InsertRule(wanted, location);
  request->fs.location = location;
  return code;
}

Result<HugePages> FakeKernel::GetHugePages() {
  if (nic_.others_have_huge_pages && !has_huge_pages_) return Fail("read the huge pages", EBUSY);
  return HugePages{.set_to = nic_.huge_pages,
                   .free = nic_.huge_pages - nic_.huge_pages_leaving,
                   .used = nic_.huge_pages_leaving};
}

Status FakeKernel::SetHugePages(uint64_t pages) {
  if (before_change_) before_change_();
  const uint64_t lacking = std::exchange(nic_.huge_pages_leaving, 0);
  nic_.SetHugePages(pages - lacking);
  if (lacking != 0) return Fail("set the huge pages", ENOMEM);
  return {};
}

Status FakeKernel::TakeHugePages(Deadline /*deadline*/) {
  if (nic_.others_have_huge_pages) return Fail("take the huge pages", ETIMEDOUT);
  has_huge_pages_ = true;
  return {};
}

Result<uint32_t> FakeKernel::GetKeepAddrOnDown(const std::string& /*interface*/) {
  return nic_.keep_addr_on_down;
}

Status FakeKernel::SetKeepAddrOnDown(const std::string& /*interface*/, uint32_t value) {
  if (before_change_) before_change_();
  nic_.SetKeepAddrOnDown(value);
  return {};
}

}  // namespace zcrx
