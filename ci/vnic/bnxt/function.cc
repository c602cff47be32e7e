#include "ci/vnic/bnxt/function.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "ci/vnic/bnxt/registers.h"

namespace vnic::bnxt {
namespace {

constexpr std::uint16_t kL2Contexts = 16;
// The driver counts it in sleeps, which take ten times as long in an emulated guest.
constexpr std::uint16_t kTimeoutMs = 1000;
constexpr std::uint16_t kMaxTimeoutS = 60;

std::array<char, 16> Name(std::string_view text) {
  std::array<char, 16> name{};
  std::ranges::copy(text.substr(0, name.size() - 1), name.begin());
  return name;
}

}  // namespace

Reply VersionOf() {
  VersionReply reply{};
  reply.interface_version = {1, 9, 0};
  reply.capabilities = kShortCommandSupported | kShortCommandRequired | kFlowManagement;
  reply.firmware_name = Name("vnic");
  reply.package_name = Name("216.0.0.0");
  reply.chip = kChip;
  reply.chip_revision = 1;  // revision 0 makes the driver look for missed interrupts
  reply.max_request_window = kCommandWindowSize;
  reply.max_reply = kMaxReply;
  reply.default_timeout_ms = kTimeoutMs;
  reply.interface_words = {1, 9, 0, 0};
  reply.firmware_words = {216, 0, 0, 0};
  reply.max_extended_request = kMaxRequest;
  reply.max_timeout_s = kMaxTimeoutS;
  return ReplyOf(reply);
}

const Function::Reservation Function::kMost = {.rss_contexts = kMaxVnics,
                                               .completion_rings = kMaxCompletionRings,
                                               .tx_rings = kMaxTxRings,
                                               .rx_rings = kMaxRxRings,
                                               .vnics = kMaxVnics,
                                               .stat_contexts = kMaxQueues,
                                               .vectors = kMaxQueues};

void Function::Reset() {
  reserved_ = {};
  async_ring_ = kNoCompletionRing;
}

Reply Function::Caps() const {
  FuncCapsReply reply{};
  reply.function = kFunction;
  reply.flags = kVlanTxAccelerationDisabled;
  reply.mac = slot_.mac;
  reply.max_rss_contexts = kMost.rss_contexts;
  reply.max_completion_rings = kMost.completion_rings;
  reply.max_tx_rings = kMost.tx_rings;
  reply.max_rx_rings = kMost.rx_rings;
  reply.max_l2_contexts = kL2Contexts;
  reply.max_vnics = kMost.vnics;
  reply.max_stat_contexts = kMost.stat_contexts;
  return ReplyOf(reply);
}

Reply Function::ResourceCaps() const {
  ResourceCapsReply reply{};
  reply.max_vectors = kMost.vectors;
  reply.min_rss_contexts = 1;
  reply.max_rss_contexts = kMost.rss_contexts;
  reply.min_completion_rings = 1;
  reply.max_completion_rings = kMost.completion_rings;
  reply.min_tx_rings = 1;
  reply.max_tx_rings = kMost.tx_rings;
  reply.min_rx_rings = 1;
  reply.max_rx_rings = kMost.rx_rings;
  reply.min_l2_contexts = 1;
  reply.max_l2_contexts = kL2Contexts;
  reply.min_vnics = 1;
  reply.max_vnics = kMost.vnics;
  reply.min_stat_contexts = 1;
  reply.max_stat_contexts = kMost.stat_contexts;
  return ReplyOf(reply);
}

Reply Function::Config() const {
  FuncConfigReply reply{};
  reply.function = kFunction;
  reply.mac = slot_.mac;
  reply.rss_contexts = reserved_.rss_contexts;
  reply.completion_rings = reserved_.completion_rings;
  reply.tx_rings = reserved_.tx_rings;
  reply.rx_rings = reserved_.rx_rings;
  reply.l2_contexts = kL2Contexts;
  reply.vnics = reserved_.vnics;
  reply.max_mtu = kMaxMtu;
  reply.stat_contexts = reserved_.stat_contexts;
  reply.vectors = reserved_.vectors;
  reply.doorbell_bar_kb = kDoorbellBarSize / 1024;
  return ReplyOf(reply);
}

Reply Function::PhyConfig() const {
  PhyConfigReply reply{};
  reply.link = slot_.wire.Up() ? kPhyLink : kPhyNoLink;
  reply.speed = kPhySpeed100G;
  reply.forced_speed = kPhySpeed100G;
  reply.duplex_config = kPhyFullDuplex;
  reply.duplex = kPhyFullDuplex;
  return ReplyOf(reply);
}

zcrx::Status Function::Configure(const FuncConfigRequest& request) {
  Reservation wanted = reserved_;
  const struct {
    std::uint32_t enable;
    std::string_view name;
    std::uint16_t amount;
    std::uint16_t Reservation::* field;
  } amounts[] = {
      {kEnableRssContexts, "RSS contexts", request.rss_contexts, &Reservation::rss_contexts},
      {kEnableCompletionRings, "completion rings", request.completion_rings,
       &Reservation::completion_rings},
      {kEnableTxRings, "tx rings", request.tx_rings, &Reservation::tx_rings},
      {kEnableRxRings, "rx rings", request.rx_rings, &Reservation::rx_rings},
      {kEnableVnics, "VNICs", request.vnics, &Reservation::vnics},
      {kEnableStatContexts, "statistics contexts", request.stat_contexts,
       &Reservation::stat_contexts},
      {kEnableVectors, "vectors", request.vectors, &Reservation::vectors},
  };
  for (const auto& [enable, name, amount, field] : amounts) {
    if ((request.enables & enable) == 0) continue;
    if (amount > kMost.*field) {
      return zcrx::Fail(fmt::format("reserve {} {}", amount, name), ENOSPC,
                        fmt::format("there are {}", kMost.*field));
    }
    wanted.*field = amount;
  }
  if ((request.flags & kFuncConfigTests) != 0) return {};
  reserved_ = wanted;
  if ((request.enables & kEnableAsyncRing) != 0) async_ring_ = request.async_ring;
  return {};
}

}  // namespace vnic::bnxt
