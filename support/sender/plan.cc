#include "support/sender/plan.h"

#include "support/base/options.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kMostBytesPerS = std::numeric_limits<int32_t>::max();

std::vector<Option> Table(SendPlan& plan) {
  return {
      Required(Text("--address", "ADDRESS", "destination: IPv4 or IPv6 literal", plan.address)),
      Required(Number<uint16_t>("--port", "N", "its TCP port", plan.port, 1)),
      Number<uint64_t>("--bytes", "N", "the whole stream", plan.bytes, 0,
                       std::numeric_limits<int64_t>::max()),
      Number<uint64_t>("--send-size", "N", "bytes of each send()", plan.send_size, 1, kMaxSendSize),
      Number("--seed", "N", "of the payload", plan.seed),
      Number<uint32_t>("--sizes-to", "N", "send 1, 2 ... N bytes instead, each in its own segments",
                       plan.sizes_to, 0, kMaxSendSize),
      Number<uint32_t>("--times", "N", "send the stream N times, each on a new connection",
                       plan.times, 1, kMaxTimes),
      Number<uint32_t>("--bytes-per-s", "N", "rate limit; 0: none", plan.bytes_per_s, 0,
                       kMostBytesPerS),
      Number<uint32_t>("--ip-options", "N", "bytes of IPv4 options or Destination Options",
                       plan.ip_options, 0, kMaxExtensionHeader),
      Number<uint32_t>("--hop-by-hop", "N", "bytes of Hop-by-Hop Options", plan.hop_by_hop, 0,
                       kMaxExtensionHeader),
      Number("--pause-after", "N", "after N bytes wait until the receiver sends one; 0: go on",
             plan.pause_after),
      Flag("--reset", "end with RST as soon as the kernel has taken the last byte", plan.reset),
      Span("--lifetime-ms", "N", "limit for the whole run", plan.lifetime, 1ms),
      Span("--lease-ms", "N", "exit after this long without a byte on stdin; 0: no lease",
           plan.lease, 0ms),
  };
}

}  // namespace

std::vector<std::string> Arguments(const SendPlan& plan) {
  SendPlan copy = plan;
  return OptionWords(Table(copy));
}

Result<SendPlan> ParseSendPlan(std::span<const char* const> arguments) {
  SendPlan plan;
  ZCRX_RETURN_IF_ERROR(ParseOptions(arguments, Table(plan)));
  return plan;
}

std::string SendPlanHelp() {
  SendPlan plan;
  return OptionsHelp(Table(plan));
}

}  // namespace zcrx
