// The fake kernel's drivers, each with rules of its own, and how tests use them.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "support/base/deadline.h"
#include "support/nic/nic.h"
#include "support/nic/state.h"
#include "test/unit/fake_kernel.h"

namespace zcrx {

inline const FakeDriver kGve = {
    .name = "gve", .has_hds_thresh = false, .keeps_useless_table = true, .numbers_rules = false};
inline const FakeDriver kBnxt = {.name = "bnxt_en",
                                 .combined = true,
                                 .jumbo_ring = true,
                                 .refuses_split_off = true,
                                 .hw_gro_needs_gro = true,
                                 .split_follows_hw_gro = true,
                                 .resets_drop_rules = true,
                                 .numbers_rules = true};
inline const FakeDriver kMlx5 = {
    .name = "mlx5_core", .combined = true, .has_hds_thresh = false, .split_wants_hw_gro = true};
inline const FakeDriver kPlain = {.name = "plain", .has_rss = false, .has_hds_thresh = false};
inline const FakeDriver kStrict = {.name = "strict",
                                   .split_forbids_hw_gro = true,
                                   .hw_gro_needs_gro = true,
                                   .split_follows_hw_gro = true,
                                   .resets_drop_rules = true,
                                   .loses_notifications = true};

inline Deadline Soon() { return Deadline::In(std::chrono::seconds(10)); }

inline Nic Open(FakeNic& fake, std::function<void()> before_change = {}) {
  return *Nic::Open(kFakeNicName, std::make_unique<FakeKernel>(fake, std::move(before_change)));
}

// `state` with what every test declares.
inline NicState Split(NicState state) {
  state.rings.tcp_data_split = TcpDataSplit::kEnabled;
  state.split_automatic = false;
  if (state.rings.hds_thresh) state.rings.hds_thresh = 0;
  return state;
}

}  // namespace zcrx
