// From a burst to frames: TCP segmentation as a NIC does it.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/packet.h"
#include "support/base/result.h"

namespace vnic {

// Cuts a burst into packets of at most `segments_each` segments: 1 makes frames; more makes what a
// coalescing port (RSC, LRO, TPA) delivers as one receive, smaller bursts with their segment_size.
// No packet exceeds the 65535 bytes of an IP datagram. A packet that is not a burst is returned
// unchanged.
//
// Each result is valid by itself: IP length, IPv4 identification and header checksum, sequence
// number, and TCP checksum over all its payload. CWR stays in the first packet only, FIN and PSH
// in the last only, as in Linux net/ipv4/tcp_offload.c, tcp_gso_segment. IPv4 identifications count
// frames, so that they are the same however the burst is cut.
//
// Fails with EINVAL: not TCP, no payload, SYN or RST set (no segment within a stream has them), or
// a segment that does not fit into a datagram with its headers.
zcrx::Result<std::vector<Packet>> CutBurst(Packet burst, std::size_t segments_each = 1);

// Returns how many frames the packet is; 1 also for a burst that cannot be cut. The second parses
// the headers of a burst itself.
std::size_t FramesOf(const Packet& packet, const Headers& headers);
std::size_t FramesOf(const Packet& packet);

// Returns the first `frames` of a packet, and the others; an empty packet if there are none.
std::pair<Packet, Packet> CutOff(Packet packet, std::size_t frames);

}  // namespace vnic
