#include "support/nic/channels.h"

#include <linux/ethtool_netlink.h>

#include <string>

#include "support/base/kill_point.h"

namespace zcrx {
namespace {

std::optional<Channels::Kind> Kind(netlink::Attributes reply, int count, int max) {
  const auto most = reply.U32(max);
  if (!most) return std::nullopt;
  return Channels::Kind{.count = reply.U32(count).value_or(0), .max = *most};
}

uint32_t CountOf(const std::optional<Channels::Kind>& kind) { return kind ? kind->count : 0; }
uint32_t MaxOf(const std::optional<Channels::Kind>& kind) { return kind ? kind->max : 0; }

}  // namespace

uint32_t Channels::RxQueues() const { return CountOf(rx) + CountOf(combined); }
uint32_t Channels::MaxRxQueues() const { return MaxOf(rx) + MaxOf(combined); }

Channels ParseChannels(netlink::Attributes reply) {
  return {
      .rx = Kind(reply, ETHTOOL_A_CHANNELS_RX_COUNT, ETHTOOL_A_CHANNELS_RX_MAX),
      .tx = Kind(reply, ETHTOOL_A_CHANNELS_TX_COUNT, ETHTOOL_A_CHANNELS_TX_MAX),
      .combined = Kind(reply, ETHTOOL_A_CHANNELS_COMBINED_COUNT, ETHTOOL_A_CHANNELS_COMBINED_MAX)};
}

void EncodeChannels(const ChannelsChange& change, netlink::Request& request) {
  if (change.rx) request.PutU32(ETHTOOL_A_CHANNELS_RX_COUNT, *change.rx);
  if (change.tx) request.PutU32(ETHTOOL_A_CHANNELS_TX_COUNT, *change.tx);
  if (change.combined) request.PutU32(ETHTOOL_A_CHANNELS_COMBINED_COUNT, *change.combined);
}

Result<ChannelsChange> ChangeForRxQueues(const Channels& now, uint32_t queues) {
  ChannelsChange change;
  // Some drivers (ice, mlx5) have both kinds; the combined ones are the ones normally used.
  const uint32_t rx_only = now.combined ? CountOf(now.rx) : 0;
  if (queues == 0 || queues > MaxOf(now.combined ? now.combined : now.rx) + rx_only ||
      queues <= rx_only) {
    return Fail(fmt::format("choose channels for {} rx queues", queues), EINVAL,
                fmt::format("now {} rx queues of {} at most", now.RxQueues(), now.MaxRxQueues()));
  }
  (now.combined ? change.combined : change.rx) = queues - rx_only;
  return change;
}

Result<Channels> GetChannels(Nic& nic) {
  auto request = nic.EthtoolRequest("get channels of " + nic.Name(), ETHTOOL_MSG_CHANNELS_GET);
  ZCRX_ASSIGN_OR_RETURN(const auto reply, nic.CallForOne(request));
  return ParseChannels(reply.Attrs());
}

Status SetChannels(Nic& nic, const ChannelsChange& change) {
  const KillPoints points("set_channels");
  auto request = nic.EthtoolRequest(
      fmt::format("set channels of {} ({})", nic.Name(), TextOf(change)), ETHTOOL_MSG_CHANNELS_SET);
  EncodeChannels(change, request);
  ZCRX_RETURN_IF_ERROR(nic.Call(request));
  return {};
}

}  // namespace zcrx
