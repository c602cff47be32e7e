// Header split at every length of payload, in one segment and in several.
#include <numeric>
#include <vector>

#include "fixtures/zcrx_test.h"
#include "support/nic/link.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

constexpr uint32_t kLongest = 9000;
constexpr uint32_t kStep = 61;  // a prime: ends at all kinds of addresses

// Every length up to what no longer fits into a packet, then steps and the edges of pages.
std::vector<uint32_t> PayloadSizes(uint32_t mtu) {
  std::vector<uint32_t> sizes(mtu);
  std::iota(sizes.begin(), sizes.end(), 1);
  for (uint32_t size = mtu + kStep; size < kLongest; size += kStep) sizes.push_back(size);
  for (const uint32_t edge : {4096U, 8192U, kLongest}) {
    sizes.insert(sizes.end(), {edge - 1, edge, edge + 1});
  }
  return sizes;
}

class ZcrxHeaderSplit : public ZcrxTest, public ::testing::WithParamInterface<SteeringVariant> {};

TEST_P(ZcrxHeaderSplit, DeliversEveryPayloadSize) {
  ZCRX_REQUIRE(Capability::kFlowSteering, GetParam().needs);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(const Link link, GetLink(UnderTest()));
  const std::vector<uint32_t> sizes = PayloadSizes(link.mtu);
  const uint64_t bytes = std::accumulate(sizes.begin(), sizes.end(), uint64_t{0});
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receiver::Start(ReceiverOn(queue, GetParam().area)));
  ASSERT_OK(queue.Steer(GetParam().steering, receiver.Endpoint(), Undo()));
  ASSERT_OK_AND_ASSIGN(Sender sender,
                       Send(receiver, {.bytes = bytes, .seed = Seed(), .separate_sizes = sizes}));

  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender, bytes));
  EXPECT_OK(ArrivedInPlace(queue, received));
}

INSTANTIATE_TEST_SUITE_P(, ZcrxHeaderSplit,
                         ::testing::Values(kFlowRule, kRssContext, kFlowRuleDmabuf), VariantName);

}  // namespace
}  // namespace zcrx
