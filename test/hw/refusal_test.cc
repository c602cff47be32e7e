// What the kernel must refuse, by its errno, each beside the same request with one thing right.
#include <functional>
#include <limits>
#include <ostream>
#include <vector>

#include "fixtures/bed/probes.h"
#include "fixtures/zcrx_test.h"
#include "support/nic/channels.h"
#include "support/nic/queues.h"
#include "support/nic/rings.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

struct Refusal {
  std::string name;
  std::vector<int> codes;  // one of them
  Capability needs;
  std::function<void(IfqOptions&)> spoil;

  friend void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }
};

class ZcrxRefusal : public ZcrxTest, public ::testing::WithParamInterface<Refusal> {};

TEST_P(ZcrxRefusal, OfOneWrongValueLeavesTheQueueFree) {
  const Refusal& refusal = GetParam();
  ZCRX_REQUIRE(refusal.needs);
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  IfqOptions right = ReceiverOn(queue).ifq;
  if (refusal.needs == Capability::kLargeChunks) {
    ASSERT_OK(declared().ReserveHugePages(kHugeAreaBytes / kHugePageBytes));
    right.area = {.bytes = kHugeAreaBytes, .kind = AreaKind::kHugePages};
    right.rx_buf_len = LargeChunkBytes();
  }
  IfqOptions wrong = right;
  refusal.spoil(wrong);

  std::vector<::testing::Matcher<Status>> outcomes;
  outcomes.reserve(refusal.codes.size());
  for (const int code : refusal.codes) outcomes.push_back(FailsWith(code));
  EXPECT_THAT(DryRun(wrong), ::testing::AnyOfArray(outcomes));
  EXPECT_OK(DryRun(right));
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxRefusal,
    ::testing::Values(
        // zcrx_register_netdev() in io_uring/zcrx.c
        Refusal{"no_such_device",
                {ENODEV},
                Capability::kZcrx,
                [](IfqOptions& options) { options.ifindex = std::numeric_limits<int>::max(); }},
        // netif_mp_open_rxq() in net/core/netdev_rx_queue.c; the target is the device's last queue.
        // Before that, zcrx_register_netdev() asks which device the queue's memory is mapped for:
        // a driver with an answer of its own (mlx5) has none for a queue that is not there.
        Refusal{"no_such_queue",
                {ERANGE, EOPNOTSUPP},
                Capability::kZcrx,
                [](IfqOptions& options) { ++options.queue; }},
        // __zcrx_create_area() in io_uring/zcrx.c: a power of two, and no less than a page
        Refusal{"chunks_below_a_page",
                {EINVAL},
                Capability::kLargeChunks,
                [](IfqOptions& options) { options.rx_buf_len = LargeChunkBytes(1) / 2; }},
        Refusal{"chunks_of_three_pages",
                {EINVAL},
                Capability::kLargeChunks,
                [](IfqOptions& options) { options.rx_buf_len = LargeChunkBytes(3); }}),
    [](const auto& info) { return info.param.name; });

class ZcrxBound : public ZcrxTest {
 protected:
  // As it stands, with header split left to the driver.
  static NicState Unsplit() {
    NicState state = declared().Standing();
    state.rings.tcp_data_split = TcpDataSplit::kUnknown;
    LeaveDerived(state.rings);
    state.split_automatic = true;
    return state;
  }
};

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

// ethnl_set_rings() in net/ethtool/rings.c, ethtool_check_max_channel() in net/ethtool/common.c.
TEST_F(ZcrxBound, DeviceKeepsHeaderSplitAndTheQueue) {
  const RingsChange no_split = {.tcp_data_split = TcpDataSplit::kUnknown};
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(const Channels channels, GetChannels(nic()));
  ASSERT_OK_AND_ASSIGN(const ChannelsChange fewer, ChangeForRxQueues(channels, queue.Index()));
  {
    ASSERT_OK_AND_ASSIGN(const Receiver receiver, Receiver::Start(ReceiverOn(queue)));
    EXPECT_THAT(SetRings(nic(), no_split), FailsWith(EINVAL));
    EXPECT_THAT(SetChannels(nic(), fewer), FailsWith(EINVAL));
  }
  ASSERT_OK(queue.WaitUntilFree());
  EXPECT_OK(declared().Declare(Unsplit()));
  NicState without_queue = Unsplit();
  without_queue.channels = WithChange(without_queue.channels, fewer);
  without_queue.rss.reset();  // its table may be another one then
  EXPECT_OK(declared().Declare(without_queue));
}

using ZcrxUnsplit = ZcrxBound;

// __netif_mp_open_rxq(): "tcp-data-split is disabled"; automatic is not enabled.
TEST_F(ZcrxUnsplit, DeviceTakesNoRing) {
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  const IfqOptions options = ReceiverOn(queue).ifq;
  const NicState split = declared().Standing();
  ASSERT_OK(declared().Declare(Unsplit()));
  EXPECT_THAT(DryRun(options), FailsWith(EINVAL));
  ASSERT_OK(declared().Declare(split));
  EXPECT_OK(DryRun(options));
}

}  // namespace
}  // namespace zcrx
