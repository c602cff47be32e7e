// The NIC gets memory in chunks of several pages: iou-zcrx.py test_zcrx_large_chunks, which takes
// two.
#include <ostream>
#include <string>

#include "fixtures/bed/probes.h"
#include "fixtures/zcrx_test.h"
#include "support/base/pages.h"
#include "support/nic/features.h"
#include "support/nic/queues.h"
#include "test/hw/small_area.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

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

// Whether the NIC can put more than a page of one flow into a buffer: it merges segments, or a
// segment is longer than a page.
Result<bool> CanOutgrowPages(DeclaredNic& nic) {
  ZCRX_ASSIGN_OR_RETURN(const Feature merging, GetFeature(nic.Get(), kHwGro));
  return merging.active || nic.Standing().mtu >= 2 * PageBytes();
}

struct ChunkVariant {
  std::string name;
  uint32_t pages;
  Capability needs;

  friend void PrintTo(const ChunkVariant& variant, std::ostream* out) { *out << variant.name; }
};

class ZcrxLargeChunks : public ZcrxTest, public ::testing::WithParamInterface<ChunkVariant> {};

TEST_P(ZcrxLargeChunks, DeliversEveryByteInOrder) {
  const auto& [name, pages, needs] = GetParam();
  ZCRX_REQUIRE(Capability::kFlowSteering, needs);
  const uint32_t chunk = LargeChunkBytes(pages);
  NicSetup merging = {.small_ring = true};
  for (const auto feature : {kGro, kHwGro}) {
    if (declared().CanChange(feature)) merging.features[feature] = true;
  }
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue(merging));
  ASSERT_OK_AND_ASSIGN(const bool can_outgrow, CanOutgrowPages(declared()));
  const size_t area = SmallAreaBytes(declared().Standing().rings);
  const size_t huge_pages = (area * pages + kHugePageBytes - 1) / kHugePageBytes;
  ASSERT_OK(declared().ReserveHugePages(huge_pages));
  ReceiverOptions options = ReceiverOn(queue);
  options.ifq.rx_buf_len = chunk;
  options.ifq.area = {.bytes = huge_pages * kHugePageBytes, .kind = AreaKind::kHugePages};
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, Steering::kFlowRule, options));
  EXPECT_EQ(receiver.RxBufLen(), chunk);
  ASSERT_OK_AND_ASSIGN(const uint64_t pool_rx_buf_len, RxBufLenOfPool(nic(), queue));
  EXPECT_EQ(pool_rx_buf_len, chunk);
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));

  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
  EXPECT_THAT(received, ArrivedInPlace());
  // rx_buf_len is what was asked for; only the length of a completion is what the NIC does.
  if (!can_outgrow) {
    RecordProperty("large_chunks",
                   "cannot be seen: no rx-gro-hw, and segments shorter than a page");
  } else if (received.longest <= PageBytes()) {
    ADD_FAILURE() << fmt::format("rx_buf_len {} granted, longest completion {}",
                                 receiver.RxBufLen(), received.longest);
  }
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxLargeChunks,
    ::testing::Values(ChunkVariant{"flow_rule", 2, Capability::kLargeChunks},
                      ChunkVariant{"flow_rule_4_pages", 4, Capability::kLargeChunks4},
                      ChunkVariant{"flow_rule_8_pages", 8, Capability::kLargeChunks8}),
    [](const auto& info) { return info.param.name; });

using ZcrxPageChunks = ZcrxTest;

// __netif_mp_open_rxq(): a driver that takes no rx_buf_len takes none at all.
TEST_F(ZcrxPageChunks, AreTakenWhereLargeOnesAre) {
  ZCRX_REQUIRE(Capability::kRxBufLen);
  const bool large = Ask(Capability::kLargeChunks).kind == Answer::Kind::kPresent;
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  IfqOptions options = ReceiverOn(queue).ifq;
  options.rx_buf_len = LargeChunkBytes(1);
  if (large) {
    EXPECT_OK(DryRun(options));
  } else {
    EXPECT_THAT(DryRun(options), FailsWith(EOPNOTSUPP));
  }
  ASSERT_OK(queue.WaitUntilFree());
  options.rx_buf_len = 0;
  EXPECT_OK(DryRun(options));
}

}  // namespace
}  // namespace zcrx
