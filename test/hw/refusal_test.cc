// What the kernel must refuse, by its errno, each beside the same request with one thing right.
#include <functional>
#include <limits>
#include <ostream>

#include "fixtures/bed/probes.h"
#include "fixtures/zcrx_test.h"
#include "support/zcrx/registration.h"

namespace zcrx {
namespace {

// Says which errno a wrong request has to be refused with.
using Code = std::function<Result<int>(const IfqOptions& wrong)>;
Code Always(int code) {
  return [code](const IfqOptions&) { return code; };
}

// zcrx_register_netdev() first asks which device the queue's memory is mapped for. A driver with an
// answer of its own (mlx5) has none for a queue that is not there: EOPNOTSUPP. An area without
// length is refused behind that and before the queue, so it tells which driver this is.
Result<int> OfNoSuchQueue(const IfqOptions& wrong) {
  ZCRX_ASSIGN_OR_RETURN(const Ring ring, Ring::Create(1, 2));
  ZCRX_ASSIGN_OR_RETURN(Registration registration, Registration::Prepare(wrong));
  registration.Arguments().area.len = 0;
  const Status answer = registration.Send(ring);
  if (answer) return Fail("register zcrx with an area without length", 0, "it was accepted");
  return answer.error().code == EOPNOTSUPP ? EOPNOTSUPP : ERANGE;
}

struct Refusal {
  std::string name;
  Code code;
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

  ASSERT_OK_AND_ASSIGN(const int code, refusal.code(wrong));
  EXPECT_THAT(DryRun(wrong), FailsWith(code));
  EXPECT_OK(DryRun(right));
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxRefusal,
    ::testing::Values(
        // zcrx_register_netdev() in io_uring/zcrx.c
        Refusal{"no_such_device", Always(ENODEV), Capability::kZcrx,
                [](IfqOptions& options) { options.ifindex = std::numeric_limits<int>::max(); }},
        // netif_mp_open_rxq() in net/core/netdev_rx_queue.c; the target is the device's last queue
        Refusal{"no_such_queue", OfNoSuchQueue, Capability::kZcrx,
                [](IfqOptions& options) { ++options.queue; }},
        // __zcrx_create_area() in io_uring/zcrx.c: a power of two, and no less than a page
        Refusal{"chunks_below_a_page", Always(EINVAL), Capability::kLargeChunks,
                [](IfqOptions& options) { options.rx_buf_len = LargeChunkBytes(1) / 2; }},
        Refusal{"chunks_of_three_pages", Always(EINVAL), Capability::kLargeChunks,
                [](IfqOptions& options) { options.rx_buf_len = LargeChunkBytes(3); }}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace zcrx
