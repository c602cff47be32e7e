// The traffic of others: TCP connections on the other queues keep every byte, and keep moving,
// while zcrx comes, receives and goes. (bnxt once dropped it: the restart of one queue stopped
// all.)
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "fixtures/zcrx_test.h"
#include "support/net/background_receiver.h"
#include "support/nic/flow_rule.h"
#include "support/nic/queues.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr int kRounds = 3;
constexpr uint64_t kSomeMore = uint64_t{64} << 10;
// They are there to be disturbed: at full speed they would keep both machines busy.
constexpr uint32_t kBytesPerSecond = uint32_t{1} << 20;
constexpr auto kMoves = 4s;  // three retransmissions of one segment take 1.4 s
constexpr uint32_t kMostNeighbours = 4;

struct Bystander {
  std::unique_ptr<BackgroundReceiver> receiver;
  Sender sender;
};

class ZcrxBystander : public SteeredTest {
 protected:
  // A connection that goes where RSS leads it, or to `queue` by a rule.
  Result<Bystander> Watch(std::optional<uint32_t> queue) {
    ZCRX_ASSIGN_OR_RETURN(
        std::unique_ptr<BackgroundReceiver> receiver,
        BackgroundReceiver::Listen(bed().ListenAddress().WithPort(0), IsPayloadOf(~Seed())));
    if (queue) {
      FlowRule rule = RuleFor(receiver->Endpoint());
      rule.action = ToQueue{*queue};
      ZCRX_RETURN_IF_ERROR(declared().AddRule(rule));
    }
    ZCRX_ASSIGN_OR_RETURN(
        Sender sender, Send(receiver->Endpoint(),
                            {.bytes = kEndless, .seed = ~Seed(), .bytes_per_s = kBytesPerSecond}));
    return Bystander{std::move(receiver), std::move(sender)};
  }
};

TEST_P(ZcrxBystander, KeepsMovingWhileZcrxComesAndGoes) {
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  queue.ExpectCompany();
  std::vector<Bystander> others;
  ASSERT_OK_AND_ASSIGN(Bystander anywhere, Watch({}));
  others.push_back(std::move(anywhere));
  for (uint32_t neighbour = 0; neighbour < std::min(queue.Index(), kMostNeighbours); ++neighbour) {
    ASSERT_OK_AND_ASSIGN(Bystander other, Watch(neighbour));
    others.push_back(std::move(other));
  }
  const auto all_move_on = [&]() -> Status {
    for (Bystander& other : others) {
      Status moved = other.receiver->MovesOn(kSomeMore, Deadline::In(kMoves));
      if (!moved) {
        moved.error().detail += "; " + other.sender.End(Deadline::In(kSenderEnds));
        return moved;
      }
    }
    return {};
  };
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    {
      ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue));
      ASSERT_OK(all_move_on()) << "zcrx is there";
      ASSERT_OK(TraceAnew());
      ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
      ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
      EXPECT_THAT(received, ArrivedInPlace());
    }
    ASSERT_OK(queue.WaitUntilFree());
    ASSERT_OK(all_move_on()) << "zcrx has gone";
  }
}

INSTANTIATE_TEST_SUITE_P(, ZcrxBystander, ::testing::Values(kFlowRule, kRssContext), VariantName);

}  // namespace
}  // namespace zcrx
