// UDP segmentation: the driver always offers it (Linux core/en_main.c, NETIF_F_GSO_UDP_L4).
#pragma once

#include <cstddef>
#include <vector>

#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/packet.h"
#include "support/base/result.h"

namespace vnic::mlx5 {

// How many datagrams CutDatagrams() makes.
std::size_t DatagramsOf(const Packet& packet, const Headers& headers);

// Cuts a packet into datagrams of `segment_size` bytes each, the last of what is left, with
// lengths, checksums and IPv4 identifications of their own. Precondition: `headers` are the
// packet's, and say UDP. EINVAL: there is nothing to cut, or a datagram would be too long.
zcrx::Result<std::vector<Packet>> CutDatagrams(const Packet& packet, const Headers& headers);

}  // namespace vnic::mlx5
