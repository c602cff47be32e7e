// What a receive queue does wrong with one packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ci/vnic/fault/faults.h"
#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/packet.h"

namespace vnic {

// As it stands here: nothing.
struct PacketFaults {
  bool unsplit = false;        // headers stay with the payload
  std::uint32_t late = 0;      // payload bytes that stay with the headers
  bool header_behind = false;  // the headers stand, and count, behind the payload once more
  bool into_next = false;      // each piece is written into the buffer behind its own
  bool unwritten = false;      // its payload is written nowhere
  std::uint32_t shift = 0;     // bytes by which payload lies off within its buffers
  bool unvouched = false;      // nothing is said about its TCP checksum
};

// Of a packet whose headers the queue splits from payload: something is wrong only with TCP
// segments that have any. `split_lost`: the queue has forgotten that it is to split.
PacketFaults Misfortune(Faults& faults, const Headers& headers, const Scar& split_lost);

// A packet that is split.
struct Parts {
  Frame head;  // for the buffer of headers, at most as long as that
  Frame payload;
  std::vector<std::uint8_t> altered;  // what `payload` is of, where it is not of the packet
};
// Precondition: the headers themselves fit.
Parts Divide(Frame packet, const Headers& headers, const PacketFaults& wrong,
             std::size_t header_room);

// A piece of payload as it is written to a buffer of `room` bytes.
struct Writing {
  std::size_t offset = 0;
  Frame bytes;
};
Writing AsWritten(const PacketFaults& wrong, Frame piece, std::size_t room);

// Whether this packet is what makes the device fail (device-reset).
bool FailsDevice(Faults& faults, const Packet& packet, const Headers& headers);

}  // namespace vnic
