// States of NICs that there are not.
#pragma once

#include <linux/ethtool.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "support/nic/state.h"

namespace zcrx {

// A rule for TCP over IPv4 to port 80 + `location`.
inline RawFlowRule RuleAt(uint32_t location, uint64_t queue = 1) {
  ethtool_rx_flow_spec spec{};
  spec.flow_type = TCP_V4_FLOW;
  spec.h_u.tcp_ip4_spec.pdst = __builtin_bswap16(static_cast<uint16_t>(80 + location));
  spec.m_u.tcp_ip4_spec.pdst = 0xffff;
  spec.ring_cookie = queue;
  spec.location = location;
  RawFlowRule rule;
  std::memcpy(rule.spec.data(), &spec, sizeof(spec));
  return rule;
}

// With everything that a state can have.
inline NicState FullState() {
  return {.nic = {.interface = "nic0",
                  .driver = "bnxt_en",
                  .bus = "0000:00:04.0",
                  .address = "02:00:00:00:00:01",
                  .index = 3,
                  .boot = "4e09bbf4-8a6e-4d2c-9d8e-0123456789ab"},
          .admin_up = true,
          .mtu = 1500,
          .features = {{"rx-gro", {.active = true, .requested = true}},
                       {"rx-gro-hw", {.active = false, .requested = true}},
                       {"rx-ntuple-filter", {}}},
          .channels = {.rx = 4, .tx = 2, .combined = 1},
          .rings = {.rx = 511,
                    .rx_mini = 16,
                    .rx_jumbo = 2044,
                    .tx = 512,
                    .tcp_data_split = TcpDataSplit::kDisabled,
                    .hds_thresh = 256},
          .split_automatic = true,
          .rss = Rss{.table = {0, 1, 2, 0},
                     .key = {std::byte{0x6d}, std::byte{0x5a}, std::byte{0}},
                     .hash_function = 1,
                     .input_transform = 2},
          .contexts = {{1, {.table = {3, 3}}},
                       {7, {.table = {0}, .key = {std::byte{0xff}}, .hash_function = 1}}},
          .rules = FlowRules{.driver_numbers = true, .rules = {RuleAt(0), RuleAt(3)}},
          .huge_pages = 32,
          .keep_addr_on_down = 0};
}

}  // namespace zcrx
