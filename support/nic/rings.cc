#include "support/nic/rings.h"

#include <linux/ethtool_netlink.h>

#include <array>
#include <string>

#include "support/base/kill_point.h"
#include "support/nic/uapi.h"

namespace zcrx {
namespace {

netlink::Request Encode(Nic& nic, const RingsChange& change) {
  auto request = nic.EthtoolRequest(fmt::format("set rings of {} ({})", nic.Name(), TextOf(change)),
                                    ETHTOOL_MSG_RINGS_SET);
  EncodeRings(change, request);
  return request;
}

}  // namespace

std::string FieldText(TcpDataSplit split) {
  constexpr std::array kWords = {"auto", "off", "on"};
  return kWords.at(static_cast<size_t>(split));
}

Rings ParseRings(netlink::Attributes reply) {
  Rings rings{.rx = reply.U32(ETHTOOL_A_RINGS_RX),
              .rx_max = reply.U32(ETHTOOL_A_RINGS_RX_MAX),
              .rx_mini = reply.U32(ETHTOOL_A_RINGS_RX_MINI),
              .rx_jumbo = reply.U32(ETHTOOL_A_RINGS_RX_JUMBO),
              .tx = reply.U32(ETHTOOL_A_RINGS_TX),
              .tx_max = reply.U32(ETHTOOL_A_RINGS_TX_MAX),
              .tcp_data_split = {},
              .hds_thresh = reply.U32(uapi::ETHTOOL_A_RINGS_HDS_THRESH),
              .hds_thresh_max = reply.U32(uapi::ETHTOOL_A_RINGS_HDS_THRESH_MAX)};
  // The kernel omits the attribute for kUnknown; undefined values are treated alike.
  const auto split = reply.U8(ETHTOOL_A_RINGS_TCP_DATA_SPLIT);
  if (split && *split <= static_cast<uint8_t>(TcpDataSplit::kEnabled)) {
    rings.tcp_data_split = static_cast<TcpDataSplit>(*split);
  }
  return rings;
}

void EncodeRings(const RingsChange& change, netlink::Request& request) {
  if (change.rx) request.PutU32(ETHTOOL_A_RINGS_RX, *change.rx);
  if (change.rx_mini) request.PutU32(ETHTOOL_A_RINGS_RX_MINI, *change.rx_mini);
  if (change.rx_jumbo) request.PutU32(ETHTOOL_A_RINGS_RX_JUMBO, *change.rx_jumbo);
  if (change.tx) request.PutU32(ETHTOOL_A_RINGS_TX, *change.tx);
  if (change.tcp_data_split) {
    request.PutU8(ETHTOOL_A_RINGS_TCP_DATA_SPLIT, static_cast<uint8_t>(*change.tcp_data_split));
  }
  if (change.hds_thresh) request.PutU32(uapi::ETHTOOL_A_RINGS_HDS_THRESH, *change.hds_thresh);
}

Result<Rings> GetRings(Nic& nic) {
  auto request = nic.EthtoolRequest("get rings of " + nic.Name(), ETHTOOL_MSG_RINGS_GET);
  ZCRX_ASSIGN_OR_RETURN(const auto reply, nic.CallForOne(request));
  return ParseRings(reply.Attrs());
}

Status SetRings(Nic& nic, const RingsChange& change) {
  const KillPoints points("set_rings");
  auto request = Encode(nic, change);
  ZCRX_RETURN_IF_ERROR(nic.Call(request));
  return {};
}

Result<bool> ClaimSplit(Nic& nic) {
  const KillPoints points("claim_split");
  auto request = Encode(nic, {.tcp_data_split = TcpDataSplit::kEnabled});
  return nic.CallAndTell(request, ETHTOOL_MSG_RINGS_NTF);
}

}  // namespace zcrx
