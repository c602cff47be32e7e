// The driver's side of the mlx5 model's queues: requests, buffers, a table that leads to a queue.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "ci/vnic/net/checksum.h"
#include "test/unit/mlx5_driver.h"

namespace vnic::mlx5 {

inline constexpr std::uint32_t kHeaders = 54;  // Ethernet, IPv4, TCP
inline constexpr std::uint16_t kSegment = 1000;

inline Packet WithChecksums(Bytes bytes) {
  Packet packet{.bytes = std::move(bytes), .segment_size = 0};
  const Headers headers = Parse(packet.bytes);
  CompleteIpv4Checksum(packet.bytes, headers);
  CompleteTransportChecksum(packet.bytes, headers);
  return packet;
}
inline Packet TcpPacket(std::size_t payload) {
  return WithChecksums(Ethernet(kEthertypeIpv4) + Ipv4(6, Tcp(Pattern(payload))));
}

class Mlx5QueueDriver : public Mlx5Driver {
 public:
  using Mlx5Driver::Mlx5Driver;
  static constexpr std::uint32_t kLogBlocks = 6;    // of a send queue: one page
  static constexpr std::uint32_t kLogRequests = 2;  // of a receive queue
  static constexpr std::uint32_t kRequestBytes = 1U << 15U;

  Ring MakeSendQueue(const Ring& completed) {
    Ring ring{.number = 0, .memory = guest.Allocate(4096), .doorbell_record = guest.Allocate(64)};
    ring.number = Make(Opcode::kCreateSq, Request(0x118)
                                              .Set(0x28, 0, 24, completed.number)
                                              .SetLong(0x60, ring.doorbell_record)
                                              .Set(0x70, 0, 5, kLogBlocks)
                                              .SetLong(0x110, ring.memory));
    SetState(Opcode::kModifySq, ring.number, 1);
    return ring;
  }
  void SetState(Opcode opcode, std::uint32_t number, std::uint32_t state) {
    EXPECT_TRUE(
        Execute(opcode, Request(0x110).Set(0x08, 0, 24, number).Set(0x20, 20, 4, state)).Ok());
  }

  // Work requests of 512 strides of 64 bytes: 32 KiB.
  Request ReceiveQueueRequest(const Ring& completed, const Ring& ring) const {
    return Request(0x118)
        .Set(0x28, 0, 24, completed.number)
        .Set(0x2c, 24, 8, 7)  // counter set
        .Set(0x50, 28, 4, 2)  // linked list, striding
        .SetLong(0x60, ring.doorbell_record)
        .Set(0x70, 16, 4, 5)  // requests of 32 bytes
        .Set(0x70, 0, 5, kLogRequests)
        .SetLong(0x110, ring.memory);
  }
  // Headers in entries of 256 bytes.
  Request SplittingQueueRequest(const Ring& completed, const Ring& ring,
                                std::uint32_t header_key) const {
    return ReceiveQueueRequest(completed, ring)
        .Set(0x74, 0, 3, 2)    // strides of 256 bytes
        .Set(0x74, 8, 4, 0xe)  // 2^(9 - 2) of them
        .SetWord(0x88, header_key)
        .Set(0x8c, 31, 1, 1)
        .Set(0x8c, 24, 3, 4)  // reservations of 64 KiB
        .Set(0x8c, 16, 3, 3)  // of eight packets
        .Set(0x8c, 8, 2, 2)   // entries of 256 bytes
        .Set(0x8c, 0, 4, 4);  // sixteen of them
  }
  Ring MakeRing() {
    return {.number = 0, .memory = guest.Allocate(4096), .doorbell_record = guest.Allocate(64)};
  }
  void MakeReceiveQueue(Ring& ring, const Request& request) {
    ring.number = Make(Opcode::kCreateRq, request);
    SetState(Opcode::kModifyRq, ring.number, 1);
  }
  // A receiver with a table of queues, as the driver's all have; only a context has several.
  std::uint32_t MakeReceiver(std::initializer_list<std::uint32_t> queues) {
    Request list(0x110 + 4 * queues.size());
    list.Set(0x38, 0, 16, static_cast<std::uint32_t>(queues.size()));
    std::size_t at = 0x110;
    for (const std::uint32_t queue : queues) {
      list.SetWord(at, queue);
      at += 4;
    }
    const std::uint32_t table = Make(Opcode::kCreateRqt, list);
    return Make(Opcode::kCreateTir, Request(0x110)
                                        .Set(0x24, 28, 4, 1)
                                        .Set(0x40, 0, 24, table)
                                        .Set(0x44, 28, 4, 2)
                                        .SetBytes(0x48, Pattern(kToeplitzKeyBytes))
                                        .Set(0x70, 0, 30, 15));
  }
  // A table in front of `next`, of one group; the first has no mask, so that its entry takes all.
  struct Flows {
    std::uint32_t table = 0;
    std::uint32_t group = 0;
  };
  Flows MakeFlows(std::uint32_t next = 0, std::uint32_t port_mask = 0) {
    Flows flows;
    flows.table = Make(Opcode::kCreateFlowTable, Request(0x40)
                                                     .Set(0x18, 24, 4, next == 0 ? 0 : 1)
                                                     .Set(0x18, 0, 8, 2)
                                                     .Set(0x1c, 0, 24, next));
    flows.group = Make(
        Opcode::kCreateFlowGroup,
        Request(0x400).Set(0x14, 0, 24, flows.table).SetWord(0x24, 3).Set(0x54, 0, 16, port_mask));
    return flows;
  }
  void SetFlow(const Flows& flows, std::uint32_t index, std::uint32_t port,
               std::uint32_t receiver) {
    EXPECT_TRUE(Execute(Opcode::kSetFlowTableEntry, Request(0x348)
                                                        .Set(0x14, 0, 24, flows.table)
                                                        .SetWord(0x20, index)
                                                        .SetWord(0x44, flows.group)
                                                        .Set(0x4c, 0, 16, 4)
                                                        .Set(0x50, 0, 24, 1)
                                                        .Set(0x94, 0, 16, port)
                                                        .Set(0x340, 24, 8, 2)
                                                        .Set(0x340, 0, 24, receiver))
                    .Ok());
  }
  void SetRoot(const Flows& flows) {
    EXPECT_TRUE(
        Execute(Opcode::kSetFlowTableRoot, Request(0x40).Set(0x14, 0, 24, flows.table)).Ok());
  }
  // All packets go to `receiver`, but those that rules of the table returned lead elsewhere.
  Flows SteerToReceiver(std::uint32_t receiver) {
    const Flows all = MakeFlows();
    SetFlow(all, 0, 0, receiver);
    const Flows rules = MakeFlows(all.table, 0xffff);
    SetRoot(rules);
    return rules;
  }
  void SteerTo(const Ring& queue) { SteerToReceiver(MakeReceiver({queue.number})); }
  void DeleteFlow(const Flows& flows, std::uint32_t index) {
    EXPECT_TRUE(Execute(Opcode::kDeleteFlowTableEntry,
                        Request(0x40).Set(0x14, 0, 24, flows.table).SetWord(0x20, index))
                    .Ok());
  }

  // Writes work request `index`, with memory of its own, and the index of the one behind it.
  GuestAddress PutReceiveRequest(const Ring& ring, std::uint32_t index, std::uint32_t next) {
    const GuestAddress buffer = guest.Allocate(kRequestBytes);
    TryWrite(ring.memory + 32 * index, Request(32)
                                           .Set(0, 0, 16, next)
                                           .SetWord(0x10, kRequestBytes)
                                           .SetWord(0x14, key)
                                           .SetLong(0x18, buffer)
                                           .Data());
    return buffer;
  }
  // A queue that splits, with all that it works with. A work request has so many header entries.
  struct SplitQueue {
    Ring events;
    Ring completed;
    Ring ring;
    std::uint32_t header_key = 0;
    GuestAddress headers = 0;
    GuestAddress first = 0;  // the work requests; only these two are posted
    GuestAddress second = 0;
  };
  SplitQueue MakeSplitQueue(const Ring& events_of, std::uint32_t log_headers = 3) {
    SplitQueue queue{.events = events_of,
                     .completed = MakeCompletionQueue(events_of.number),
                     .ring = MakeRing(),
                     .headers = guest.Allocate(4096)};
    queue.header_key = MakePagesKey({queue.headers});
    MakeReceiveQueue(queue.ring,
                     SplittingQueueRequest(queue.completed, queue.ring, queue.header_key)
                         .Set(0x8c, 16, 3, log_headers));
    queue.first = PutReceiveRequest(queue.ring, 0, 1);
    queue.second = PutReceiveRequest(queue.ring, 1, 0);
    SetPosted(queue.ring, 2);
    return queue;
  }
  // The number of completions; the ring must not have come round.
  [[nodiscard]] std::uint32_t Completions(const Ring& completed) const {
    std::uint32_t count = 0;
    while (count < (1U << kLogRecords) && Completed(completed, count).code_and_owner != 0) ++count;
    return count;
  }
  void DestroyReceiveQueue(std::uint32_t number) {
    EXPECT_TRUE(Execute(Opcode::kDestroyRq, Request(16).Set(8, 0, 24, number)).Ok());
  }
  void SetPosted(const Ring& ring, std::uint32_t count) {
    guest.Put(ring.doorbell_record, Be32(count));
  }
  void SetTaken(const Ring& completed, std::uint32_t count) {
    guest.Put(completed.doorbell_record, Be32(count));
  }

  // Puts a request at block `at`; `inlined` stands behind the Ethernet segment's first two bytes.
  void PutSend(const Ring& ring, std::uint32_t at, std::uint8_t opcode, Frame inlined, Frame data,
               std::uint16_t segment_size, std::uint8_t checksums) {
    const std::size_t behind = inlined.size() > 2 ? (inlined.size() - 2 + 15) / 16 * 16 : 0;
    const std::size_t size = 0x20 + behind + 16;
    const GuestAddress buffer = guest.Allocate(std::max<std::size_t>(data.size(), 1));
    TryWrite(buffer, data);
    Request request((size + 63) / 64 * 64);
    request.Set(0, 0, 8, opcode)
        .Set(0, 8, 16, at)
        .Set(4, 8, 24, ring.number)
        .Set(4, 0, 6, static_cast<std::uint32_t>(size / 16))
        .Set(8, 2, 2, 2)
        .Set(0x14, 24, 8, checksums)
        .Set(0x14, 0, 16, segment_size)
        .Set(0x1c, 16, 16, static_cast<std::uint32_t>(inlined.size()))
        .SetBytes(0x1e, inlined)
        .SetWord(0x20 + behind, static_cast<std::uint32_t>(data.size()))
        .SetWord(0x24 + behind, key)
        .SetLong(0x28 + behind, buffer);
    TryWrite(ring.memory + 64 * at, request.Data());
  }
  void RingSend(const Ring& ring, std::uint32_t produced) {
    guest.Put(ring.doorbell_record + 4, Be32(produced));
    Doorbell(kSendDoorbells, std::uint64_t{ring.number} << 8U);
  }

  const Ring events = MakeEventQueue(1);
  const std::uint32_t key = MakePhysicalKey();
};

}  // namespace vnic::mlx5
