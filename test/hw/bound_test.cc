// What a NIC with zcrx on a queue has to refuse, and what zcrx of a NIC that is set up otherwise:
// by the kernel's errno and words, each beside the same request without the other.
#include <gmock/gmock.h>

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "fixtures/zcrx_test.h"
#include "support/nic/channels.h"
#include "support/nic/features.h"
#include "support/nic/rings.h"

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint32_t kSomeThreshold = 256;

using ZcrxBound = ZcrxTest;

// __netif_mp_open_rxq(): "designated queue already memory provider bound".
TEST_F(ZcrxBound, QueueTakesNoSecondRing) {
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  const IfqOptions options = ReceiverOn(queue).ifq;
  {
    ASSERT_OK_AND_ASSIGN(const Receiver first, Receiver::Start(ReceiverOn(queue)));
    EXPECT_THAT(DryRun(options), FailsWith(EEXIST));
  }
  ASSERT_OK(queue.WaitUntilFree());
  EXPECT_OK(DryRun(options));
}

// The queue with zcrx stays: channels behind it may go. ZcrxBoundDevice.Keeps/channels is one less.
TEST_F(ZcrxBound, DeviceTakesJustEnoughChannels) {
  ZCRX_REQUIRE(Capability::kSpareQueues);
  ASSERT_OK_AND_ASSIGN(const std::vector<TargetQueue> queues, ConfigureQueues({.queues = 2}));
  ASSERT_OK_AND_ASSIGN(const Channels all, GetChannels(nic()));
  ASSERT_OK_AND_ASSIGN(const ChannelsChange enough,
                       ChangeForRxQueues(all, queues.front().Index() + 1));
  ASSERT_OK_AND_ASSIGN(const ChannelsChange as_declared, ChangeForRxQueues(all, all.RxQueues()));
  ASSERT_OK_AND_ASSIGN(const Receiver receiver, Receiver::Start(ReceiverOn(queues.front())));
  EXPECT_OK(SetChannels(nic(), enough));
  EXPECT_OK(SetChannels(nic(), as_declared));
}

struct Setting {
  std::string name;
  std::vector<Capability> needs;
  std::string words;  // the kernel's, when it refuses the change
  // `queue`: the one that zcrx is bound to.
  std::function<void(NicState& state, uint32_t queue)> change;

  friend void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }
};

void LeaveSplitToDriver(NicState& state, uint32_t /*queue*/) {
  state.rings.tcp_data_split = TcpDataSplit::kUnknown;
  LeaveDerived(state.rings);
  state.split_automatic = true;
}

void SplitOff(NicState& state, uint32_t /*queue*/) {
  state.rings.tcp_data_split = TcpDataSplit::kDisabled;
  LeaveDerived(state.rings);
  state.split_automatic = false;
  // bnxt knows no "off": it splits if it merges (Application::SendRings()).
  if (const auto merging = state.features.find(std::string(kHwGro));
      merging != state.features.end()) {
    merging->second = {.active = false, .requested = false};
  }
}

void SetThreshold(NicState& state, uint32_t /*queue*/) { state.rings.hds_thresh = kSomeThreshold; }

void TakeQueueAway(NicState& state, uint32_t queue) {
  auto& [rx, tx, combined] = state.channels;
  if (combined) {
    combined = queue - rx.value_or(0);
  } else {
    rx = queue;
  }
  state.rss.reset();  // its table may be another one then
}

class ZcrxBoundDevice : public ZcrxTest, public ::testing::WithParamInterface<Setting> {
 protected:
  // Only what differs, in one request, as ethtool(8) sends it.
  static Status Change(const NicState& wanted) {
    const NicState& now = declared().Standing();
    if (const ChannelsChange change = Changed(wanted.channels, now.channels); !change.Empty()) {
      return SetChannels(nic(), change);
    }
    return SetRings(nic(), Changed(wanted.rings, now.rings));
  }
};

TEST_P(ZcrxBoundDevice, Keeps) {
  const Setting& setting = GetParam();
  ZCRX_REQUIRE(setting.needs);
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  NicState changed = declared().Standing();
  setting.change(changed, queue.Index());
  {
    ASSERT_OK_AND_ASSIGN(const Receiver receiver, Receiver::Start(ReceiverOn(queue)));
    EXPECT_THAT(Change(changed), AllOf(FailsWith(EINVAL), FailsWithText(HasSubstr(setting.words))));
  }
  ASSERT_OK(queue.WaitUntilFree());
  EXPECT_OK(declared().Declare(changed));
}

const Setting kSplitAutomatic = {
    "header_split_auto",
    {},
    "can't disable tcp-data-split while device has memory provider enabled",
    LeaveSplitToDriver};
const Setting kThreshold = {"hds_thresh",
                            {Capability::kHdsThreshold},
                            "can't set non-zero hds_thresh while device is memory provider enabled",
                            SetThreshold};

INSTANTIATE_TEST_SUITE_P(
    , ZcrxBoundDevice,
    ::testing::Values(
        // ethnl_set_rings() in net/ethtool/rings.c
        kSplitAutomatic,
        Setting{"header_split_off",
                {},
                "can't disable tcp-data-split while device has memory provider enabled",
                SplitOff},
        kThreshold,
        // ethtool_check_max_channel() in net/ethtool/common.c
        Setting{"channels",
                {},
                "requested channel counts are too low for existing memory provider setting",
                TakeQueueAway}),
    [](const auto& info) { return info.param.name; });

class ZcrxUnsplit : public ZcrxTest, public ::testing::WithParamInterface<Setting> {};

// __netif_mp_open_rxq(): "tcp-data-split is disabled" (automatic is not enabled), "hds-thresh is
// not zero". io_uring passes no words on.
TEST_P(ZcrxUnsplit, DeviceTakesNoRing) {
  const Setting& setting = GetParam();
  ZCRX_REQUIRE(setting.needs);
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  const IfqOptions options = ReceiverOn(queue).ifq;
  const NicState split = declared().Standing();
  NicState unsplit = split;
  setting.change(unsplit, queue.Index());
  ASSERT_OK(declared().Declare(unsplit));
  EXPECT_THAT(DryRun(options), FailsWith(EINVAL));
  ASSERT_OK(declared().Declare(split));
  EXPECT_OK(DryRun(options));
}

INSTANTIATE_TEST_SUITE_P(, ZcrxUnsplit, ::testing::Values(kSplitAutomatic, kThreshold),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace zcrx
