// Two queues of a device, registered by one ring: what arrives on each comes with its own request,
// in its own area.
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <vector>

#include "fixtures/zcrx_test.h"
#include "support/base/wait.h"
#include "support/net/listen.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

constexpr uint64_t kBytes = kStreamBytes / 4;
constexpr uint64_t kEvents = 256;  // user data of a lane's events, above that of its request

// One of the queues, and the connection that is steered to it.
struct Lane {
  Ifq ifq;
  UniqueFd listener;
  SocketAddress endpoint;
  StreamCheck check;
  UniqueFd connection = {};
  Received received = {};
  int end = -1;  // result of its request
};

using ZcrxOneRing = SteeredTest;

Result<UniqueFd> AcceptOn(const UniqueFd& listener, Deadline deadline) {
  std::array<pollfd, 1> waiting = {pollfd{.fd = listener.Get(), .events = POLLIN, .revents = 0}};
  ZCRX_ASSIGN_OR_RETURN(const bool come, PollUntil("accept", waiting, deadline));
  if (!come) return FailExpired("accept");
  UniqueFd connection(accept4(listener.Get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!connection.Valid()) return FailErrno("accept");
  return connection;
}

// Takes the next completion: counts an event, or gives a buffer back to the queue it came by.
Status TakeNext(Ring& ring, std::vector<Lane>& lanes, Deadline deadline) {
  ZCRX_ASSIGN_OR_RETURN(const Completion next, ring.Next(deadline));
  Lane& lane = lanes.at(next.user_data % kEvents);
  if (next.user_data >= kEvents) {
    lane.received.events.at(static_cast<size_t>(next.res)) += 1;
    return {};
  }
  if (!next.More()) {
    lane.end = next.res;
    return {};
  }
  const auto length = static_cast<uint32_t>(next.res);
  ZCRX_ASSIGN_OR_RETURN(const auto bytes, lane.ifq.At(next.data, length));
  ZCRX_RETURN_IF_ERROR(lane.check(lane.received.bytes, bytes));
  lane.received.Count(next.data.off, length);
  lane.ifq.Return(next.data, length);
  lane.ifq.Refill().Flush();
  return {};
}

TEST_P(ZcrxOneRing, HasTwoQueues) {
  ZCRX_REQUIRE(Capability::kSpareQueues);
  ASSERT_OK_AND_ASSIGN(std::vector<TargetQueue> queues, ConfigureQueues({.queues = 2}));
  ASSERT_OK_AND_ASSIGN(Ring ring, Ring::Create(4, 4096));
  std::vector<Lane> lanes;
  std::vector<Sender> senders;
  for (TargetQueue& queue : queues) {
    const uint64_t seed = Seed() + lanes.size();
    ASSERT_OK_AND_ASSIGN(UniqueFd listener, ListenOn(bed().ListenAddress().WithPort(0)));
    ASSERT_OK_AND_ASSIGN(const SocketAddress endpoint, SocketAddress::OfSocket(listener.Get()));
    IfqOptions options = ReceiverOn(queue).ifq;
    options.event_user_data = kEvents + lanes.size();
    ASSERT_OK_AND_ASSIGN(Ifq ifq, Ifq::Register(ring, options));
    EXPECT_EQ(ifq.Id(), lanes.size());
    ASSERT_OK(queue.Steer(GetParam().steering, endpoint));
    lanes.push_back({.ifq = std::move(ifq),
                     .listener = std::move(listener),
                     .endpoint = endpoint,
                     .check = IsPayloadOf(seed)});
  }
  for (size_t i = 0; i < lanes.size(); ++i) {
    Lane& lane = lanes[i];
    ASSERT_OK_AND_ASSIGN(Sender sender, Send(lane.endpoint, {.bytes = kBytes, .seed = Seed() + i}));
    senders.push_back(std::move(sender));
    ASSERT_OK_AND_ASSIGN(lane.connection, AcceptOn(lane.listener, Deadline::In(kTransfer)));
    ASSERT_OK_AND_ASSIGN(io_uring_sqe* const sqe, ring.NextSqe());
    PrepareReceive(*sqe, lane.connection.Get(), lane.ifq.Id(), 0, i);
  }
  while (lanes[0].end < 0 || lanes[1].end < 0) {
    ASSERT_OK(TakeNext(ring, lanes, Deadline::In(Receiver::kStall)));
  }
  for (size_t i = 0; i < lanes.size(); ++i) {
    SCOPED_TRACE(fmt::format("queue {}", queues[i].Index()));
    Lane& lane = lanes[i];
    EXPECT_EQ(lane.end, 0);
    EXPECT_EQ(lane.received.bytes, kBytes);
    lane.connection.Reset();
    EXPECT_OK(senders[i].Finish(Deadline::In(kTransfer)));
    lane.received.stats = lane.ifq.Stats();
    lane.received.area_bytes = lane.ifq.AreaBytes();
    EXPECT_OK(ArrivedInPlace(queues[i], lane.received));
  }
}

INSTANTIATE_TEST_SUITE_P(, ZcrxOneRing, ::testing::Values(kFlowRule), VariantName);

}  // namespace
}  // namespace zcrx
