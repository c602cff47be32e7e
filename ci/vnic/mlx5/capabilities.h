// What the firmware says it can do: as little as the driver needs for what the lab is for.
#pragma once

#include <cstdint>

#include "ci/vnic/mlx5/bits.h"

namespace vnic::mlx5 {

// Writes the capabilities of a kind (QUERY_HCA_CAP's modifier without its lowest bit, which tells
// the greatest from the current: they are the same). Of kinds that are not known there are none.
void WriteCapabilities(std::uint32_t kind, BitWriter out);

}  // namespace vnic::mlx5
