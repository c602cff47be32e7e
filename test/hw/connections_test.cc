// Several connections at once on one queue.
#include <sys/socket.h>

#include <ostream>
#include <vector>

#include "fixtures/zcrx_test.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

constexpr uint64_t kConnections = 4;

struct ConnectionsVariant {
  std::string name;
  SteeringVariant steering;
  int family = AF_UNSPEC;  // whichever the configuration has

  friend void PrintTo(const ConnectionsVariant& variant, std::ostream* out) {
    *out << variant.name;
  }
};

class ZcrxConnections : public ZcrxTest,
                        public ::testing::WithParamInterface<ConnectionsVariant> {};

TEST_P(ZcrxConnections, DeliverEveryByteInOrder) {
  const auto& [name, steering, family] = GetParam();
  ZCRX_REQUIRE(steering.needs);
  if (family == AF_INET) ZCRX_REQUIRE(Capability::kIpv4);
  if (family == AF_INET6) ZCRX_REQUIRE(Capability::kIpv6);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ReceiverOptions options = ReceiverOn(queue, steering.area);
  if (family == AF_INET) options.listen = *bed().ListenAddressV4();
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, steering.steering, options));
  // None is received from until all are there.
  std::vector<Sender> senders;
  for (uint64_t i = 0; i < kConnections; ++i) {
    const uint64_t seed = Seed() + i;
    ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = kStreamBytes, .seed = seed}));
    senders.push_back(std::move(sender));
    ASSERT_OK(receiver.Accept(kStreamBytes, IsPayloadOf(seed), Deadline::In(kTransfer)));
  }

  ASSERT_OK(TransferAll(receiver, senders));
  EXPECT_THAT(receiver.Total(), ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(, ZcrxConnections,
                         ::testing::Values(ConnectionsVariant{"flow_rule", kFlowRule, AF_INET6},
                                           ConnectionsVariant{"flow_rule_ipv4", kFlowRule, AF_INET},
                                           ConnectionsVariant{"rss_context", kRssContext}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace zcrx
