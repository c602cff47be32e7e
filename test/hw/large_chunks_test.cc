// The NIC gets memory in chunks of two pages: iou-zcrx.py test_zcrx_large_chunks.
#include <chrono>

#include "fixtures/probes.h"
#include "fixtures/zcrx_test.h"
#include "support/base/pages.h"
#include "support/nic/configure.h"
#include "support/nic/queues.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

// What netdev says of the pool that io_uring feeds on `queue`.
Result<uint64_t> RxBufLenOfPool(Nic& nic, const TargetQueue& target) {
  ZCRX_ASSIGN_OR_RETURN(const RxQueue queue, GetRxQueue(nic, target.Index()));
  ZCRX_ASSIGN_OR_RETURN(const std::vector<PagePool> pools, GetPagePools(nic));
  for (const PagePool& pool : pools) {
    if (pool.io_uring && pool.napi_id == queue.napi_id && pool.io_uring_rx_buf_len) {
      return *pool.io_uring_rx_buf_len;
    }
  }
  return Fail(fmt::format("no page pool of {} tells an io-uring rx-buf-len for queue {}",
                          nic.Name(), target.Index()));
}

class ZcrxLargeChunks : public ZcrxTest, public ::testing::WithParamInterface<SteeringVariant> {};

TEST_P(ZcrxLargeChunks, DeliversEveryByteInOrder) {
  ZCRX_REQUIRE(Capability::kFlowSteering, GetParam().needs, Capability::kLargeChunks);
  ASSERT_OK(ReserveHugePages(kHugeAreaBytes / kHugePageBytes, Undo()));
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ReceiverOptions options = ReceiverOn(queue);
  options.ifq.rx_buf_len = LargeChunkBytes();
  options.ifq.area = {.bytes = kHugeAreaBytes, .kind = AreaKind::kHugePages};
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(options));
  EXPECT_EQ(receiver.RxBufLen(), LargeChunkBytes());
  ASSERT_OK_AND_ASSIGN(const uint64_t pool_rx_buf_len, RxBufLenOfPool(UnderTest(), queue));
  EXPECT_EQ(pool_rx_buf_len, LargeChunkBytes());
  ASSERT_OK(queue.Steer(GetParam().steering, receiver.Endpoint(), Undo()));
  ASSERT_OK_AND_ASSIGN(
      Sender sender,
      Send(receiver, {.bytes = kStreamBytes, .send_size = kSendBytes, .seed = Seed()}));

  EXPECT_OK(Transfer(receiver, sender, kStreamBytes, Deadline::In(10s)));
}

INSTANTIATE_TEST_SUITE_P(, ZcrxLargeChunks, ::testing::Values(kFlowRule), VariantName);

}  // namespace
}  // namespace zcrx
