// From the cable into the driver's buffers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ci/vnic/bnxt/records.h"
#include "ci/vnic/bnxt/rings.h"
#include "ci/vnic/bnxt/vnic_table.h"
#include "ci/vnic/device/nic.h"

namespace vnic::bnxt {

struct ReceiveCounters {
  std::uint64_t packets = 0;    // handed to the driver; a coalesced one is one
  std::uint64_t split = 0;      // ... of these, headers and payload in buffers of their own
  std::uint64_t coalesced = 0;  // ... of these, several frames in one
  std::uint64_t filtered = 0;   // not to an address of this function
  std::uint64_t unsteered = 0;  // no VNIC or no ring takes it, as at a queue's restart
  std::uint64_t over_mru = 0;
  std::uint64_t no_buffers = 0;
  std::uint64_t bad_checksum = 0;  // received and marked
  std::uint64_t refused = 0;       // the driver's buffer was not in memory
};

class Receiver {
 public:
  Receiver(const NicSlot& slot, const RingTable& rings, const VnicTable& vnics)
      : slot_(slot), rings_(rings), vnics_(vnics) {}

  void Receive(Packet packet);
  [[nodiscard]] const ReceiveCounters& Counters() const { return counters_; }

 private:
  // The rings of one delivery, as they are now.
  struct Queue {
    std::shared_ptr<RxRing> buffers;
    std::shared_ptr<AggregationRing> aggregation;  // may be null
    std::shared_ptr<CompletionQueue> completions;
  };
  // What of the payload went into which aggregation buffer.
  using Pieces = std::vector<Completion>;

  [[nodiscard]] std::optional<Queue> Resolve(RingPair rings) const;
  // How many segments of the burst may be handed over as one receive; 1: none may.
  [[nodiscard]] std::size_t SegmentsEach(const Packet& burst, const Headers& headers,
                                         const Queue& queue, const Vnic& vnic) const;
  // Whether the packet's headers go into a buffer of their own.
  [[nodiscard]] static bool Splits(const Packet& packet, const Headers& headers, const Queue& queue,
                                   const Vnic& vnic);

  void Deliver(const Packet& packet, const Queue& queue, Delivery to);
  void DeliverFrame(const Packet& packet, const Headers& headers, const Queue& queue,
                    const Delivery& to);
  void DeliverBurst(const Packet& burst, const Headers& headers, const Queue& queue,
                    const Delivery& to);
  // Copies `payload` into aggregation buffers, without taking them; nothing where they do not
  // suffice or are not in memory.
  std::optional<Pieces> Scatter(Frame payload, const Queue& queue, const PacketFaults& wrong,
                                CompletionType type, std::size_t most);
  [[nodiscard]] bool Copy(Frame bytes, GuestAddress address);
  // Bytes of payload that an aggregation buffer takes.
  [[nodiscard]] std::size_t RoomIn(const BufferDescriptor& buffer) const;
  // The number of the packet's first buffer, for its completion.
  std::uint32_t OpaqueOf(const BufferDescriptor& buffer, const Packet& packet,
                         const Headers& headers);
  // Posts and takes the buffers. False: dropped, the completion queue is full.
  bool Finish(const Packet& packet, const Queue& queue, std::uint32_t buffers,
              std::span<const Completion> records, std::uint32_t aggregation_buffers);
  void Drop(std::uint64_t& counter, const Queue& queue);
  // The second half of a completion's words about checksums.
  struct Checks {
    std::uint32_t done = 0;
    std::uint32_t errors = 0;
  };
  Checks Verify(const Packet& packet, const Headers& headers, const PacketFaults& wrong);

  const NicSlot& slot_;
  const RingTable& rings_;
  const VnicTable& vnics_;
  ReceiveCounters counters_;
};

}  // namespace vnic::bnxt
