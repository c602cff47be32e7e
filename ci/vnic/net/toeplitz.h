// The hash of receive-side scaling. Source: Microsoft, "RSS hashing functions" and "Verifying the
// RSS hash calculation" (Windows network drivers); the kernel's own check of it is
// tools/testing/selftests/drivers/net/hw/toeplitz.c.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace vnic {

// Long enough for two IPv6 addresses and two ports (36 bytes) and the last 32-bit window.
inline constexpr std::size_t kToeplitzKeyBytes = 40;
using ToeplitzKey = std::array<std::uint8_t, kToeplitzKeyBytes>;

// `input` is in the order of the packet; what the key does not reach (beyond 36 bytes) does not
// count.
std::uint32_t Toeplitz(const ToeplitzKey& key, std::span<const std::uint8_t> input);

}  // namespace vnic
