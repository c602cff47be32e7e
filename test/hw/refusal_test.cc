// What the kernel must refuse, by its errno, each beside the same request with one thing right.
#include <functional>
#include <limits>
#include <ostream>
#include <vector>

#include "fixtures/bed/probes.h"
#include "fixtures/zcrx_test.h"

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

}  // namespace
}  // namespace zcrx
