// What flow tables compare of a packet: its outer headers as the firmware lays them out
// (Linux include/linux/mlx5/mlx5_ifc.h, struct mlx5_ifc_fte_match_set_lyr_2_4_bits).
#pragma once

#include <array>
#include <cstdint>

#include "ci/vnic/mlx5/bits.h"
#include "ci/vnic/net/headers.h"

namespace vnic::mlx5 {

inline constexpr std::size_t kMatchBytes = 64;
// Source and destination; behind the latter, only addresses of IP.
inline constexpr std::size_t kTcpPorts = 0x14;
inline constexpr std::size_t kUdpPorts = 0x1c;
inline constexpr Field kProtocol{0x10, 24, 8};
using MatchRecord = std::array<std::uint8_t, kMatchBytes>;

// Precondition: `headers` are those of `frame`.
MatchRecord RecordOf(Frame frame, const Headers& headers);

// Whether the bits of `mask` are alike.
bool Agrees(const MatchRecord& record, const MatchRecord& value, const MatchRecord& mask);

}  // namespace vnic::mlx5
