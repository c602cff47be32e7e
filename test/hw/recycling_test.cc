// Buffers that the application gives back are received into again, many times over.
#include <algorithm>
#include <chrono>
#include <ostream>

#include "fixtures/zcrx_test.h"
#include "support/nic/features.h"
#include "test/hw/small_area.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kVolumes = 4;  // of the area, in bytes of payload
constexpr uint64_t kLeakOfOneIn = 100;
constexpr int kSlower = 8;
constexpr auto kBreath = 10s;      // a busy machine may take one at any time
constexpr size_t kShuffled = 128;  // buffers of which any is the next to be given back

struct RecyclingVariant {
  std::string name;
  SteeringVariant steering;
  size_t shuffle;

  friend void PrintTo(const RecyclingVariant& variant, std::ostream* out) { *out << variant.name; }
};

class ZcrxRecycling : public ZcrxTest, public ::testing::WithParamInterface<RecyclingVariant> {};

TEST_P(ZcrxRecycling, CarriesManyTimesTheArea) {
  const auto& [name, steering, shuffle] = GetParam();
  ZCRX_REQUIRE(steering.needs);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue({.small_ring = true}));
  const size_t area = SmallAreaBytes(declared().Standing().rings);
  ReceiverOptions options = ReceiverOn(queue, steering.area);
  ReceiveInto(area, options);
  options.shuffle = shuffle;
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, steering.steering, options));
  const uint64_t bytes = kVolumes * area;
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = bytes}));

  ASSERT_OK_AND_ASSIGN(const Received received,
                       Transfer(receiver, sender, bytes, Deadline::In(kLongTransfer)));
  EXPECT_THAT(received, ArrivedInPlace());
}

using ZcrxLeak = SteeredTest;

// TCP makes up for the payload of a buffer that is filled and never completed, but nothing for the
// buffer: so many go through the area here that there would be none left. The last few of a ring
// last for minutes, as TCP hardly dares to send any more: so the second half may not take much
// longer than the first.
TEST_P(ZcrxLeak, WouldUseUpTheArea) {
  // Each segment takes a buffer of its own then. Where header split keeps hardware GRO on (mlx5),
  // buffers are filled.
  NicSetup unmerged = {.small_ring = true};
  if (declared().CanChange(kHwGro)) unmerged.features[kHwGro] = false;
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue(unmerged));
  const size_t area = SmallAreaBytes(declared().Standing().rings);
  ASSERT_OK_AND_ASSIGN(const Feature merges, GetFeature(nic(), kHwGro));
  const uint64_t mtu = declared().Standing().mtu;
  const uint64_t most_in_buffer = merges.active ? std::max<uint64_t>(PageBytes(), mtu) : mtu;
  ReceiverOptions options = ReceiverOn(queue, GetParam().area);
  ReceiveInto(area, options);
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, options));
  const uint64_t bytes = kLeakOfOneIn * (area / PageBytes()) * most_in_buffer;
  ASSERT_OK_AND_ASSIGN(
      Sender sender,
      Send(receiver,
           {.bytes = bytes, .lifetime = kTransfer + (1 + kSlower) * kLongTransfer + kBreath}));

  ASSERT_OK(receiver.Accept(bytes, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
  const auto begin = Deadline::Clock::now();
  ASSERT_OK(receiver.Reach(bytes / 2, Deadline::In(kLongTransfer)));
  const auto half = Deadline::Clock::now() - begin;
  SCOPED_TRACE(fmt::format("the first half took {:.1f} s, the second may take {} times that",
                           std::chrono::duration<double>(half).count(), kSlower));
  ASSERT_OK_AND_ASSIGN(const Received received,
                       Transfer(receiver, sender, bytes, Deadline::In(kSlower * half + kBreath)));
  EXPECT_THAT(received, ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(, ZcrxLeak, ::testing::Values(kFlowRule), VariantName);

INSTANTIATE_TEST_SUITE_P(, ZcrxRecycling,
                         ::testing::Values(RecyclingVariant{"in_order", kFlowRule, 0},
                                           RecyclingVariant{"out_of_order", kFlowRule, kShuffled},
                                           RecyclingVariant{"out_of_order_dmabuf", kFlowRuleDmabuf,
                                                            kShuffled}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace zcrx
