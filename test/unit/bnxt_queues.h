// The driver's side of the bnxt model's queues: a VNIC on one queue, buffers, packets.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "ci/vnic/net/checksum.h"
#include "test/unit/bnxt_driver.h"
#include "test/unit/net_frames.h"

namespace vnic::bnxt {

inline constexpr std::uint32_t kHeaders = 54;  // Ethernet, IPv4, TCP
inline constexpr std::uint16_t kSegment = 1000;
inline constexpr std::uint32_t kBuffer = 4096;

inline Packet TcpPacket(std::size_t payload) {
  Packet packet;
  packet.bytes = Ethernet(kEthertypeIpv4) + Ipv4(6, Tcp(Pattern(payload)));
  packet.bytes[5] = 1;  // to 02:00:00:00:00:01, the function's own address
  const Headers headers = Parse(packet.bytes);
  CompleteIpv4Checksum(packet.bytes, headers);
  CompleteTransportChecksum(packet.bytes, headers);
  return packet;
}

class BnxtQueueDriver : public BnxtDriver {
 public:
  using BnxtDriver::BnxtDriver;

  // The default VNIC, with all of its table on the queue.
  void BringUp(std::uint32_t placement = 0, std::uint16_t coalesce = 0) {
    VnicAllocRequest vnic{};
    vnic.flags = kVnicDefault;
    Send(CommandType::kVnicAlloc, vnic);
    VnicRssRequest rss{};
    rss.hash_types = kHashTcpIpv4;
    rss.ring_table = guest.Allocate(4096);
    rss.key = guest.Allocate(4096);
    ToeplitzKey key{};
    std::ranges::copy(Pattern(key.size()), key.begin());
    guest.Put(rss.key, key);
    for (std::size_t i = 0; i < kRssTablePairs; ++i) {
      guest.Put(rss.ring_table + i * sizeof(RssPair),
                RssPair{.rx_ring = queue.rx.id, .completion_ring = queue.rx_completions.id});
    }
    Send(CommandType::kVnicRssConfig, rss);
    SetMru(1518);
    VnicPlacementRequest split{};
    split.flags = placement;
    Send(CommandType::kVnicPlacementConfig, split);
    VnicCoalesceRequest gro{};
    gro.flags = coalesce > 0 ? kCoalesceOn : 0;
    gro.max_segments = coalesce;
    Send(CommandType::kVnicCoalesceConfig, gro);
    L2FilterAllocRequest filter{};
    filter.address = {2, 0, 0, 0, 0, 1};
    Send(CommandType::kL2FilterAlloc, filter);
  }
  void SetMru(std::uint16_t mru) {
    VnicConfigRequest request{};
    request.mru = mru;
    Send(CommandType::kVnicConfig, request);
  }
  // Posts `count` buffers of `length` bytes; the first one's address.
  GuestAddress PostBuffers(const Ring& ring, std::uint32_t count, std::uint32_t length) {
    const GuestAddress memory = guest.Allocate(std::uint64_t{count} * length);
    for (std::uint32_t i = 0; i < count; ++i) {
      PutRecord(ring, i,
                BufferDescriptor{.flags_length = length << 16U,
                                 .opaque = i,
                                 .address = memory + std::uint64_t{i} * length});
    }
    Doorbell(DoorbellType::kRx, ring.id, count);
    return memory;
  }
  [[nodiscard]] Bytes Memory(GuestAddress address, std::size_t length) const {
    const auto bytes = guest.memory.Readable(address, length);
    return {bytes.begin(), bytes.end()};
  }
  [[nodiscard]] std::uint64_t Counter(std::string_view name) const {
    for (const auto& [found, value] : device.Stats()) {
      if (found == name) return value;
    }
    ADD_FAILURE() << "no counter " << name;
    return 0;
  }

  // A packet in one buffer: descriptor, extension.
  void PutPacket(const Bytes& bytes, const TxExtension& extension, std::uint32_t flags = 0) {
    const GuestAddress address = guest.Allocate(bytes.size());
    std::ranges::copy(bytes, guest.memory.Writable(address, bytes.size()).begin());
    PutRecord(queue.tx, 0,
              BufferDescriptor{.flags_length = static_cast<std::uint32_t>(bytes.size()) << 16U |
                                               kTxTypeLong | 2U << kTxCountShift | flags,
                               .opaque = 0xabcd,
                               .address = address});
    PutRecord(queue.tx, 1, extension);
  }

  void SetMruAtRestart(std::uint32_t vnic, std::uint16_t mru) {
    VnicUpdateRequest request{};
    request.vnic = vnic;
    request.enables = kEnableVnicMru;
    request.mru = mru;
    Send(CommandType::kVnicUpdate, request);
  }
  // Another queue, with a VNIC of its own, and a rule to it for the port of the segments.
  struct Other {
    std::uint64_t rule = 0;
    std::uint16_t vnic = 0;
  };
  Other SteerToAnother(BnxtQueue& other, bool as_context = false, std::uint16_t port = 9999) {
    Other made{.vnic = static_cast<std::uint16_t>(
                   Send(CommandType::kVnicAlloc, VnicAllocRequest{}).number)};
    VnicRssRequest rss{};
    rss.vnic = made.vnic;
    rss.hash_types = kHashTcpIpv4;
    rss.ring_table = guest.Allocate(4096);
    rss.key = guest.Allocate(4096);
    for (std::size_t i = 0; i < kRssTablePairs; ++i) {
      guest.Put(rss.ring_table + i * sizeof(RssPair),
                RssPair{.rx_ring = other.rx.id, .completion_ring = other.rx_completions.id});
    }
    Send(CommandType::kVnicRssConfig, rss);
    VnicConfigRequest mru{};
    mru.vnic = made.vnic;
    mru.mru = 1518;
    Send(CommandType::kVnicConfig, mru);
    PostBuffers(other.rx, 32, 2048);
    PostBuffers(other.aggregation, 32, kBuffer);
    FlowFilterAllocRequest rule{};
    rule.l2_filter = 1;
    rule.vnic = made.vnic;
    rule.address_type = kFlowIpv4;
    rule.protocol = kProtocolTcp;
    rule.destination_port = port;
    rule.destination_port_mask = 0xffff;
    if (!as_context) rule.enables = kEnableRingIndex;
    rule.ring_index = 3;
    made.rule = Send(CommandType::kFlowFilterAlloc, rule).number;
    return made;
  }
  BnxtQueue queue{*this};
};

class BnxtQueues : public testing::Test, public BnxtQueueDriver {};

}  // namespace vnic::bnxt
