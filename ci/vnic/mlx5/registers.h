// ConnectX-7: the PCI identity, BAR 0 and what is where in a page of doorbells (UAR).
//
// Source: Linux include/linux/mlx5/device.h (struct mlx5_init_seg), doorbell.h; drivers/net/
// ethernet/mellanox/mlx5/core/ (below: core/) cmd.c, health.c, eq.c. All is big-endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ci/vnic/device/pci_config.h"

namespace vnic::mlx5 {

// Shape of this NIC.
inline constexpr std::uint16_t kVectors = 16;
// The driver makes no more channels than vectors, which are ports times CPUs and one
// (core/pci_irq.c, mlx5_irq_table_create): two ports make more channels than CPUs.
inline constexpr std::uint8_t kPorts = 2;
inline constexpr std::uint16_t kMaxMtu = 10240;
inline constexpr std::uint32_t kLogLinkedWqe = 5;

inline constexpr unsigned kRegisterBar = 0;
inline constexpr unsigned kMsixBar = 2;
inline constexpr std::uint64_t kRegisterBarSize = 0x100000;

// The vendor-specific capability (core/lib/pci_vsc.c): its length, and a control word of which
// software may write the space that it wants to see. The status above that stays 0: no space is
// there, so that no dump of the card's registers can be taken. The word that locks it holds what
// was written.
inline constexpr std::array<std::uint8_t, 22> kVendorSpecific{24};
inline constexpr std::array<std::uint8_t, 22> kVendorSpecificWritable{
    0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
inline constexpr std::array kPciCapabilities{
    PciCapability{.id = 0x09, .bytes = kVendorSpecific, .writable = kVendorSpecificWritable}};

inline constexpr PciIdentity kIdentity = {
    .vendor = 0x15b3,
    .device = 0x1021,
    .subsystem_vendor = 0x15b3,
    .subsystem = 0x0041,
    .revision = 0,
    .class_code = 0x020000,
    .bars = {PciBar{.size = kRegisterBarSize, .is_64bit = true}, PciBar{},
             PciBar{.size = 0x2000, .is_64bit = true}, PciBar{}, PciBar{}, PciBar{}},
    .msix = {.vectors = kVectors, .bar = kMsixBar, .table_offset = 0, .pending_offset = 0x1000},
    .capabilities = kPciCapabilities,
};

// The initialisation segment.
inline constexpr std::uint64_t kFirmwareRevision = 0x00;   // minor, major
inline constexpr std::uint64_t kInterfaceRevision = 0x04;  // command interface, subminor
inline constexpr std::uint64_t kCommandsHigh = 0x10;
inline constexpr std::uint64_t kCommandsLow = 0x14;
inline constexpr std::uint64_t kCommandDoorbell = 0x18;
inline constexpr std::uint64_t kTimerHigh = 0x1000;
inline constexpr std::uint64_t kTimerLow = 0x1004;
inline constexpr std::uint64_t kHealthCounter = 0x1010;

inline constexpr std::uint32_t kFirmwareMajor = 28;
inline constexpr std::uint32_t kFirmwareMinor = 39;
inline constexpr std::uint32_t kFirmwareSubminor = 1002;
inline constexpr std::uint32_t kCommandInterface = 5;  // core/cmd.c, CMD_IF_REV

// The command queue: 32 entries of 64 bytes. Its address shares a register with these two.
inline constexpr std::uint32_t kLogCommands = 5;
inline constexpr std::uint32_t kLogCommandSize = 6;
// ... and with the state of the device; the driver looks at it from time to time (core/health.c,
// mlx5_health_check_fatal_sensors).
inline constexpr std::uint32_t kInterfaceDisabled = 1U << 8U;

// Pages of doorbells; the segment is in the first ones.
inline constexpr std::uint64_t kDoorbellPage = 0x1000;
inline constexpr std::uint32_t kFirstUar = 16;
inline constexpr std::uint32_t kUars = kRegisterBarSize / kDoorbellPage - kFirstUar;
inline constexpr std::uint64_t kArmCompletions = 0x20;  // 8 bytes
inline constexpr std::uint64_t kArmEvents = 0x40;
inline constexpr std::uint64_t kTakeEvents = 0x48;  // without arming
inline constexpr std::uint64_t kSendDoorbells = 0x800;

}  // namespace vnic::mlx5
