// A packet on its way from the cable into the driver's buffers: what every NIC does alike, and all
// that faults do to it. A model says how its queue takes packets, what its buffers are, and writes
// the completions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ci/vnic/device/nic.h"
#include "ci/vnic/fault/packet_faults.h"
#include "ci/vnic/net/checksum.h"
#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/packet.h"
#include "ci/vnic/net/rss.h"

namespace vnic {

struct ReceiveCounters {
  std::uint64_t packets = 0;  // handed to the driver; a coalesced one is one
  std::uint64_t bytes = 0;
  std::uint64_t split = 0;         // of these packets, headers and payload in buffers of their own
  std::uint64_t coalesced = 0;     // of these packets, several frames in one
  std::uint64_t bad_checksum = 0;  // of these packets, marked as such
  std::uint64_t no_buffers = 0;    // dropped, for lack of posted buffers or room for a completion
  std::uint64_t too_long = 0;      // dropped
  std::uint64_t refused = 0;       // the driver's buffer was not in memory

  [[nodiscard]] std::uint64_t Trouble() const {
    return no_buffers + too_long + bad_checksum + refused;
  }
  // Adds them as "rx_packets" and so on, each with `suffix`.
  void AppendTo(Counters& counters, std::string_view suffix = {}) const;
};

// A stretch of the guest's memory that a packet, or a part of it, can be written to.
struct RxBuffer {
  GuestAddress address = 0;
  std::size_t room = 0;
  std::uint32_t id = 0;  // the model's own, for the completion
};

// A packet that has been written to buffers, for its completion.
struct Reception {
  struct Piece {
    RxBuffer buffer;
    std::size_t bytes = 0;  // of payload, as the completion is to say
  };

  const Packet& packet;
  const Headers& headers;
  std::optional<RssHash> hash;
  bool split = false;  // the headers are in the head buffer, the payload in the pieces
  RxBuffer head{};
  std::size_t head_bytes = 0;
  std::vector<Piece> pieces{};
  ChecksumVerdict ip = ChecksumVerdict::kAbsent;
  ChecksumVerdict transport = ChecksumVerdict::kAbsent;
  bool vouched = true;  // false: the completion does not say that a checksum was verified
  bool fails_device = false;
  bool more = false;  // of the same burst follows
};

class ReceiveQueue {
 public:
  ReceiveQueue(const NicSlot& slot, ReceiveCounters& counters) : slot_(slot), counters_(counters) {}
  ReceiveQueue(const ReceiveQueue&) = delete;
  ReceiveQueue& operator=(const ReceiveQueue&) = delete;
  virtual ~ReceiveQueue() = default;

  // Puts a frame, or the frames of a burst, into buffers. `headers` are those of the packet.
  void Receive(Packet packet, const Headers& headers, std::optional<RssHash> hash);

 protected:
  // The name in the log, and what faults have left in the queue.
  [[nodiscard]] virtual std::string Name() const = 0;
  [[nodiscard]] virtual const QueueScars& Scars() const = 0;

  // Bytes of the longest frame that is received.
  [[nodiscard]] virtual std::size_t LongestFrame() const = 0;
  // How many segments of a burst become one receive; 1: each is received by itself.
  [[nodiscard]] virtual std::size_t SegmentsEach(const Packet& burst, const Headers& headers) = 0;
  // Whether the headers of a packet go into the head buffer, if they fit, and its payload
  // elsewhere. Of a burst this is asked when it is to be one receive.
  [[nodiscard]] virtual bool Splits(const Packet& packet, const Headers& headers) const = 0;
  // Whether a burst becomes one receive only if it is split and its checksum vouched for.
  [[nodiscard]] virtual bool CoalescesSplitOnly() const { return false; }
  // Whether a packet that is not split begins in the head buffer.
  [[nodiscard]] virtual bool BeginsInHead() const { return false; }

  // Begins a packet. Returns the buffer for its headers, one without room in a queue that does not
  // split; nullopt: nothing is posted. A queue that writes several packets to one buffer turns to
  // the next here if the packet does not fit.
  [[nodiscard]] virtual std::optional<RxBuffer> Head(const Packet& packet) = 0;
  // The buffer for its payload, or the one `ahead` of that; nullopt: not posted. What is contiguous
  // for the driver is several buffers where it is not in the guest's memory.
  [[nodiscard]] virtual std::optional<RxBuffer> Buffer(std::uint32_t ahead) = 0;
  // How many buffers a packet takes, even without payload, and may take.
  [[nodiscard]] virtual std::uint32_t LeastBuffers() const { return 0; }
  [[nodiscard]] virtual std::uint32_t MostBuffers(const Packet& packet) const = 0;

  // Takes the buffers of a packet and tells the driver. False: dropped, there is no room for that.
  virtual bool Complete(const Reception& received) = 0;
  // Takes a buffer and does not tell the driver (completion-lost).
  virtual void LoseBuffer() = 0;
  // A packet has been counted as dropped. `at`: the buffers up to one that is not in memory;
  // nullptr: it was dropped for another reason.
  virtual void Dropped(const Reception* at) = 0;

  // Bytes that faults leave of the room in a buffer.
  [[nodiscard]] std::size_t RoomIn(const RxBuffer& buffer) const;

  const NicSlot& slot_;  // NOLINT(*-non-private-member-variables-in-classes): for the models

 private:
  void Deliver(const Packet& packet, const Headers& headers, std::optional<RssHash> hash,
               bool more);
  // `to`: with the packet, and with `split` as it would be without faults.
  void Place(Reception to, const PacketFaults& wrong);
  // Writes `payload` to buffers that are not taken yet. False: they do not suffice, or the last one
  // is not in memory; dropped and counted.
  bool Scatter(Frame payload, const PacketFaults& wrong, Reception& to);
  [[nodiscard]] bool Write(Frame bytes, GuestAddress address) const;
  void Drop(std::uint64_t& counter, const Reception* at = nullptr);

  ReceiveCounters& counters_;
};

// A receive queue has been made. Counts it, with what faults do to it and to `neighbour`, the
// lowest other queue (nullptr: there is none). `restart`: its predecessor was taken away alone.
void CountStart(const NicSlot& slot, QueueScars& made, bool splits, QueueScars* neighbour,
                bool restart);
// A restart of which that was not known when its queue was made.
void CountRestart(const NicSlot& slot, QueueScars& neighbour);

}  // namespace vnic
