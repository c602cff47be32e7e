// What a receive queue does wrong with one packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ci/vnic/fault/faults.h"
#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/packet.h"

namespace vnic {

// Those that DrawFaults() and FailsDevice() decide, and what a queue does at its restart and with
// its buffers.
inline constexpr FaultSet kQueueFaults{
    Fault::kNoSplit,         Fault::kSplitSometimes,      Fault::kSplitLate,
    Fault::kHeaderInPayload, Fault::kBufferReused,        Fault::kCompletionEarly,
    Fault::kPayloadShifted,  Fault::kChecksumUnvouched,   Fault::kDeviceReset,
    Fault::kCompletionLost,  Fault::kSplitLostAfterReset, Fault::kRestartStopsNeighbour};

// What faults leave behind in a receive queue.
struct QueueScars {
  Scar split_lost;  // it forgets that headers are to be split
  Scar stopped;     // it takes nothing any more
};

// None by default.
struct PacketFaults {
  bool unsplit = false;        // headers stay with the payload
  std::uint32_t late = 0;      // payload bytes that stay with the headers
  bool header_behind = false;  // the headers follow the payload again, and count as payload
  bool into_next = false;      // each piece is written to the buffer after its own
  bool unwritten = false;      // payload is not written at all
  std::uint32_t shift = 0;     // bytes by which payload is shifted within its buffers
  bool unvouched = false;      // nothing is said about the TCP checksum
};

// Decides which faults apply to a packet whose headers the queue splits from its payload. Only TCP
// segments with payload are affected. `split_lost`: the queue has forgotten to split.
PacketFaults DrawFaults(Faults& faults, const Headers& headers, const Scar& split_lost);

// A split packet.
struct Parts {
  Frame head;  // fits into the header buffer
  Frame payload;
  std::vector<std::uint8_t> altered;  // holds the bytes of `payload` if the packet does not
};
// Splits a packet. Precondition: its headers fit into `header_room` bytes.
Parts Divide(Frame packet, const Headers& headers, const PacketFaults& wrong,
             std::size_t header_room);

// How a piece of payload is written to a buffer of `room` bytes.
struct Writing {
  std::size_t offset = 0;
  Frame bytes;
};
Writing AsWritten(const PacketFaults& wrong, Frame piece, std::size_t room);

// Returns whether this packet makes the device fail (device-reset).
bool FailsDevice(Faults& faults, const Packet& packet, const Headers& headers);

}  // namespace vnic
