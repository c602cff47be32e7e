// What is done to packets on the way, whatever the NIC: headers, checksums, segmentation, steering.
#include <cstdint>
#include <map>

#include "ci/vnic/fault/packet_faults.h"
#include "ci/vnic/fault/steering_faults.h"
#include "test/fuzz/hostile_guest.h"

namespace vnic::fuzz {
namespace {

// Headers lie within the frame, one behind the other.
void CheckHeaders(const Headers& headers, std::size_t size) {
  Require(headers.payload_offset <= headers.payload_end && headers.payload_end <= size);
  Require(headers.network_offset <= headers.payload_offset);
  if (headers.network == Network::kNone) {
    Require(headers.transport == Transport::kNone);
    return;
  }
  Require(headers.network_offset < headers.transport_offset);
  Require(headers.transport_offset <= headers.payload_offset);
}

// What has been completed is good.
void CheckChecksums(Packet frame) {
  const auto headers = ParseHeaders(frame.bytes);
  if (!headers) return;
  std::ignore = VerifyIpv4Checksum(frame.bytes, *headers);
  std::ignore = VerifyTransportChecksum(frame.bytes, *headers);
  if (CompleteIpv4Checksum(frame.bytes, *headers)) {
    Require(VerifyIpv4Checksum(frame.bytes, *headers) == ChecksumVerdict::kGood);
  }
  if (CompleteTransportChecksum(frame.bytes, *headers)) {
    Require(VerifyTransportChecksum(frame.bytes, *headers) == ChecksumVerdict::kGood);
  }
}

// All of the payload, and nothing else, is in the pieces, each of them a good packet.
void CheckCut(const Packet& packet, const Headers& headers, std::size_t segments_each) {
  const auto pieces = CutBurst(packet, segments_each);
  if (!packet.IsBurst() || !pieces) return;
  std::size_t payload = 0;
  for (const Packet& piece : *pieces) {
    const auto own = ParseHeaders(piece.bytes);
    Require(own.has_value() && own->PayloadLength() > 0);
    Require(own->PayloadLength() <= segments_each * packet.segment_size);
    Require(VerifyTransportChecksum(piece.bytes, *own) == ChecksumVerdict::kGood);
    payload += own->PayloadLength();
  }
  Require(payload == headers.PayloadLength());
  if (segments_each == 1) Require(pieces->size() == FramesOf(packet, headers));
}

void CheckCutOff(const Packet& packet, const Headers& headers, std::size_t frames) {
  const auto [first, others] = CutOff(packet, frames);
  if (others.bytes.empty()) return Require(first.bytes == packet.bytes);
  const auto one = ParseHeaders(first);
  const auto other = ParseHeaders(others);
  Require(one.has_value() && other.has_value());
  Require(one->PayloadLength() + other->PayloadLength() == headers.PayloadLength());
}

FlowRule AnyRule(Input& input, const Headers& headers) {
  FlowRule rule{.match = {.network = headers.network,
                          .protocol = headers.protocol,
                          .source = {headers.source, headers.source},
                          .destination_port = {headers.destination_port, 0xffff}},
                .action = {.context = input.Below(3)}};
  if (input.Coin()) rule.match.protocol.reset();
  if (input.Coin()) rule.action.queue = input.Below(4);
  Edit<std::endian::big>(input, rule.match.source);
  Edit<std::endian::big>(input, rule.match.destination_port);
  return rule;
}

void CheckSteering(Input& input, const Headers& headers, Faults& faults) {
  FlowTable flows(4);
  SteeringFaults steering(faults);
  for (std::uint32_t location = 0; location < 4; ++location) {
    const bool added = flows.Add(input.Below(8), AnyRule(input, headers)).has_value();
    Require(!added || headers.network != Network::kNone);
  }
  std::map<std::uint32_t, RssContext> contexts;
  contexts[kDefaultContext] = {.indirection = {0, 1, 2, 3}};
  contexts[1] = {.key = {1, 2, 3, 4}, .types = {.ipv6 = true}, .indirection = {}};
  const auto to = steering.Steer(headers, flows, contexts);
  if (to) Require(to->queue_by_rule || to->queue < 4);
  for (const auto& [location, rule] : flows.Rules()) steering.Deleted(rule);
  flows.Clear();
  std::ignore = steering.Steer(headers, flows, contexts);
}

void CheckDivision(Input& input, const Packet& packet, const Headers& headers, Faults& faults) {
  const PacketFaults wrong = DrawFaults(faults, headers, Scar{});
  const std::size_t room = headers.payload_offset + input.Byte();
  const Parts parts = Divide(packet.bytes, headers, wrong, room);
  Require(parts.head.size() <= room);
  const Writing writing = AsWritten(wrong, parts.payload, input.Number<std::uint16_t>());
  Require(writing.bytes.size() <= parts.payload.size());
}

}  // namespace
}  // namespace vnic::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vnic;
  fuzz::Input input({data, size});
  const Packet packet = fuzz::AnyPacket(input);
  fuzz::CheckChecksums(packet);
  const auto headers = ParseHeaders(packet);
  if (!headers) {
    fuzz::Require(packet.bytes.size() < 14);
    return 0;
  }
  fuzz::CheckHeaders(*headers, packet.bytes.size());
  fuzz::CheckCut(packet, *headers, 1);
  fuzz::CheckCut(packet, *headers, input.Byte() + std::size_t{1});
  fuzz::CheckCutOff(packet, *headers, input.Byte() + std::size_t{1});

  // All that concern packets, some at a time.
  constexpr FaultScope kScope{.commands = {}, .has = kFrameFaults | kSteeringFaults | kQueueFaults};
  Faults faults(kScope);
  const auto set = input.Number<std::uint64_t>();
  for (const FaultSpec& spec : FaultSpecs()) {
    if ((set >> static_cast<unsigned>(spec.fault) & 1U) == 0) continue;
    std::ignore = faults.Set(spec.turn == FaultTurn::kEvery || spec.turn == FaultTurn::kOnce
                                 ? fmt::format("{}=2", spec.name)
                                 : std::string(spec.name));
  }
  fuzz::CheckSteering(input, *headers, faults);
  fuzz::CheckDivision(input, packet, *headers, faults);
  FrameFaults frame_faults(faults, [] {});
  for (int i = 0; i < 3; ++i) {
    for (const Packet& arrived : frame_faults.Pass(packet)) std::ignore = ParseHeaders(arrived);
  }
  return 0;
}
