#include "support/nic/rings.h"

#include <linux/ethtool_netlink.h>

#include <cerrno>
#include <string>

#include "support/base/kill_point.h"
#include "support/nic/uapi.h"

namespace zcrx {
namespace {

const char* Word(TcpDataSplit split) {
  switch (split) {
    case TcpDataSplit::kUnknown:
      return "auto";  // as the ethtool program writes it
    case TcpDataSplit::kDisabled:
      return "off";
    case TcpDataSplit::kEnabled:
      return "on";
  }
  return "?";
}

Result<bool> Send(Nic& nic, const RingsChange& change) {
  auto request = nic.EthtoolRequest(fmt::format("set rings of {} ({})", nic.Name(), change.Text()),
                                    ETHTOOL_MSG_RINGS_SET);
  EncodeRings(change, request);
  return nic.CallAndTell(request, ETHTOOL_MSG_RINGS_NTF);
}

}  // namespace

std::string RingsChange::Text() const {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (rx) add(fmt::format("rx {}", *rx));
  if (tx) add(fmt::format("tx {}", *tx));
  if (tcp_data_split) add(fmt::format("tcp-data-split {}", Word(*tcp_data_split)));
  if (hds_thresh) add(fmt::format("hds-thresh {}", *hds_thresh));
  return text;
}

Rings ParseRings(netlink::Attributes reply) {
  Rings rings{.rx = reply.U32(ETHTOOL_A_RINGS_RX),
              .rx_max = reply.U32(ETHTOOL_A_RINGS_RX_MAX),
              .tx = reply.U32(ETHTOOL_A_RINGS_TX),
              .tx_max = reply.U32(ETHTOOL_A_RINGS_TX_MAX),
              .tcp_data_split = {},
              .hds_thresh = reply.U32(uapi::kRingsHdsThresh),
              .hds_thresh_max = reply.U32(uapi::kRingsHdsThreshMax)};
  // The kernel leaves kUnknown out; a value it does not define is as good as that.
  const auto split = reply.U8(ETHTOOL_A_RINGS_TCP_DATA_SPLIT);
  if (split && *split <= static_cast<uint8_t>(TcpDataSplit::kEnabled)) {
    rings.tcp_data_split = static_cast<TcpDataSplit>(*split);
  }
  return rings;
}

void EncodeRings(const RingsChange& change, netlink::Request& request) {
  if (change.rx) request.PutU32(ETHTOOL_A_RINGS_RX, *change.rx);
  if (change.tx) request.PutU32(ETHTOOL_A_RINGS_TX, *change.tx);
  if (change.tcp_data_split) {
    request.PutU8(ETHTOOL_A_RINGS_TCP_DATA_SPLIT, static_cast<uint8_t>(*change.tcp_data_split));
  }
  if (change.hds_thresh) request.PutU32(uapi::kRingsHdsThresh, *change.hds_thresh);
}

Result<Rings> GetRings(Nic& nic) {
  auto request = nic.EthtoolRequest("get rings of " + nic.Name(), ETHTOOL_MSG_RINGS_GET);
  ZCRX_ASSIGN_OR_RETURN(const auto reply, nic.Ethtool().CallForOne(request));
  return ParseRings(reply.Attrs());
}

Result<bool> SetRingsAndTell(Nic& nic, const RingsChange& change) {
  const KillPoints points("set_rings");
  return Send(nic, change);
}

Result<bool> SplitIsAutomatic(Nic& nic) {
  const Result<bool> changed = Send(nic, {.tcp_data_split = TcpDataSplit::kEnabled});
  if (!changed && changed.error().code == ENOBUFS) return std::unexpected(changed.error());
  if (!changed || !*changed) return false;
  ZCRX_RETURN_IF_ERROR(Send(nic, {.tcp_data_split = TcpDataSplit::kUnknown}));
  return true;
}

Status SetRings(Nic& nic, const RingsChange& change) {
  const Result<bool> told = SetRingsAndTell(nic, change);
  if (!told && told.error().code != ENOBUFS) return std::unexpected(told.error());
  return {};
}

}  // namespace zcrx
