// Header split at every length of payload, in one segment and in several, and behind headers of
// other lengths than usual.
#include <sys/socket.h>

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "fixtures/evidence/flow_packets.h"
#include "fixtures/zcrx_test.h"
#include "support/nic/link.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

// Where the MTU is smaller, TCP cuts what does not fit.
constexpr uint32_t kLongest = 9000;

// Of payloads of 1, 2 ... `longest` bytes.
uint64_t SumTo(uint32_t longest) { return uint64_t{longest} * (longest + 1) / 2; }

using ZcrxHeaderSplit = SteeredTest;

TEST_P(ZcrxHeaderSplit, DeliversEveryPayloadSize) {
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  const uint64_t bytes = SumTo(kLongest);
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver, {.bytes = bytes, .sizes_to = kLongest}));

  ASSERT_OK_AND_ASSIGN(const Received received,
                       Transfer(receiver, sender, bytes, Deadline::In(kLongTransfer)));
  EXPECT_THAT(received, ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(, ZcrxHeaderSplit,
                         ::testing::Values(kFlowRule, kRssContext, kFlowRuleDmabuf), VariantName);

// Headers of Ethernet, IP and TCP with timestamps end within 128 bytes, the least that drivers have
// for them (gve).
struct HeaderVariant {
  std::string name;
  int family;
  Capability needs;
  std::vector<uint32_t> ip_options;  // bytes, a connection each
  bool hop_by_hop = false;

  friend void PrintTo(const HeaderVariant& variant, std::ostream* out) { *out << variant.name; }
};

class ZcrxHeaderLength : public ZcrxTest, public ::testing::WithParamInterface<HeaderVariant> {
 protected:
  // What became of a connection of `bytes`: no NIC has promised to split such packets or to apply a
  // rule to them, and yet it came by this NIC.
  Result<std::string> Fate(const TargetQueue& queue, uint64_t copied, uint64_t bytes) {
    std::string fate = fmt::format("the kernel copied {} of {} bytes", copied, bytes);
    const Result<TracedPackets> traced = bed().Traced();
    if (!traced && CannotTrace(traced.error())) return fate;
    if (!traced) return std::unexpected(traced.error());
    const FlowPackets packets = Account(*traced, queue.Index(), queue.Flow().ip_options);
    const uint64_t came = packets.payload + packets.payload_elsewhere;
    if (packets.lost == 0 && came < bytes) {
      return Fail(fmt::format("{} of {} bytes came by {}", came, bytes, nic().Name()));
    }
    fate += fmt::format("; {} segments arrived on queue {}, {} of them not split", packets.segments,
                        queue.Index(), packets.not_split);
    return fate;
  }
};

// Split or not, by whichever queue: no byte may be missing, and none may be of a header.
TEST_P(ZcrxHeaderLength, MakesNoDifferenceToThePayload) {
  const HeaderVariant& variant = GetParam();
  ZCRX_REQUIRE(Capability::kFlowSteering, variant.needs);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(const Link link, GetLink(nic()));
  const uint64_t bytes = SumTo(link.mtu);
  ReceiverOptions options = ReceiverOn(queue);
  if (variant.family == AF_INET) options.listen = *bed().ListenAddressV4();
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, Steering::kFlowRule, options));

  uint64_t copied = 0;
  for (const uint32_t ip_options : variant.ip_options) {
    SCOPED_TRACE(fmt::format("{} bytes of options", ip_options));
    queue.ExpectIpOptions(ip_options);
    ASSERT_OK(TraceAnew());
    ASSERT_OK_AND_ASSIGN(Sender sender,
                         Send(receiver, {.bytes = bytes,
                                         .seed = Seed(),
                                         .sizes_to = link.mtu,
                                         .ip_options = variant.hop_by_hop ? 0 : ip_options,
                                         .hop_by_hop = variant.hop_by_hop ? ip_options : 0}));
    ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender, bytes));
    const uint64_t copied_before =
        std::exchange(copied, received.stats ? received.stats->copy_bytes : 0);
    ASSERT_OK_AND_ASSIGN(const std::string fate, Fate(queue, copied - copied_before, bytes));
    RecordProperty(fmt::format("with_{}_bytes_of_options", ip_options), fate);
  }
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxHeaderLength,
    ::testing::Values(
        HeaderVariant{"ipv4_options", AF_INET, Capability::kIpv4Options, {4, 20, 40}},
        HeaderVariant{
            "ipv6_destination_options", AF_INET6, Capability::kIpv6Extensions, {8, 24, 40}},
        HeaderVariant{"ipv6_hop_by_hop", AF_INET6, Capability::kIpv6Extensions, {8, 40}, true}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace zcrx
