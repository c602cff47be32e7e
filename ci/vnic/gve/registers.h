// gVNIC: the PCI identity, the two BARs and how doorbells are laid out in them.
//
// Source: Linux drivers/net/ethernet/google/gve/gve_register.h, gve_dqo.h. BAR 0 is big-endian,
// BAR 2 little-endian.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ci/vnic/device/pci_config.h"

namespace vnic::gve {

// Shape of this NIC.
inline constexpr std::uint32_t kMaxQueues = 8;  // of each direction
inline constexpr std::uint32_t kDefaultQueues = 4;
inline constexpr std::uint32_t kNotifyBlocks = 2 * kMaxQueues;  // a vector each, ...
inline constexpr std::uint32_t kVectors = kNotifyBlocks + 1;    // ... and one for management
inline constexpr std::uint16_t kDefaultRing = 512;
inline constexpr std::uint16_t kMinRing = 256;
inline constexpr std::uint16_t kMaxRing = 4096;
inline constexpr std::uint16_t kMaxMtu = 8896;
inline constexpr std::uint16_t kBufferSize = 4096;
// Holds Ethernet, IPv6 and a TCP header with all its options: 14 + 40 + 60 bytes.
inline constexpr std::uint16_t kHeaderBufferSize = 128;
inline constexpr std::uint32_t kMaxFlowRules = 128;
inline constexpr std::uint16_t kRssKeySize = 40;
inline constexpr std::uint16_t kRssTableSize = 128;
inline constexpr std::uint64_t kLinkSpeedMbit = 100'000;

inline constexpr unsigned kRegisterBar = 0;
inline constexpr unsigned kMsixBar = 1;
inline constexpr unsigned kDoorbellBar = 2;
inline constexpr std::uint64_t kBarSize = 4096;

inline constexpr PciIdentity kIdentity = {
    .vendor = 0x1ae0,
    .device = 0x0042,
    .subsystem_vendor = 0x1ae0,
    .subsystem = 0x0058,
    .revision = 1,  // the admin queue is set up by address and length, not by page number
    .class_code = 0x020000,
    .bars = {PciBar{.size = kBarSize}, PciBar{.size = kBarSize}, PciBar{.size = kBarSize}},
    .msix = {.vectors = kVectors, .bar = kMsixBar, .table_offset = 0, .pending_offset = 0x800},
};

// Offsets in BAR 0.
inline constexpr std::uint64_t kDeviceStatus = 0x00;
inline constexpr std::uint64_t kDriverStatus = 0x04;
inline constexpr std::uint64_t kMaxTxQueues = 0x08;
inline constexpr std::uint64_t kMaxRxQueues = 0x0c;
inline constexpr std::uint64_t kAdminDoorbell = 0x14;
inline constexpr std::uint64_t kAdminEventCounter = 0x18;
inline constexpr std::uint64_t kDriverVersion =
    0x1f;  // one byte: the driver's name, letter by letter
inline constexpr std::uint64_t kAdminBaseHigh = 0x20;
inline constexpr std::uint64_t kAdminBaseLow = 0x24;
inline constexpr std::uint64_t kAdminLength = 0x28;  // 16 bits

inline constexpr std::uint32_t kDeviceWantsReset = 1U << 1;
inline constexpr std::uint32_t kDeviceLinkUp = 1U << 2;
inline constexpr std::uint32_t kDeviceIsReset = 1U << 4;
inline constexpr std::uint32_t kDriverRun = 1U << 0;
inline constexpr std::uint32_t kDriverReset = 1U << 1;

// Doorbells of BAR 2, by index (4 bytes each). The device chooses them; the driver learns them from
// the interrupt doorbell array and the queues' resources.
inline constexpr std::uint32_t kNotifyDoorbells = 0;
inline constexpr std::uint32_t kTxDoorbells = 64;
inline constexpr std::uint32_t kRxDoorbells = 128;

// An interrupt doorbell (gve_dqo.h). The throttling interval is a hint this device does not need.
inline constexpr std::uint32_t kInterruptEnable = 1U << 0;
inline constexpr std::uint32_t kInterruptClearPending = 1U << 1;

}  // namespace vnic::gve
