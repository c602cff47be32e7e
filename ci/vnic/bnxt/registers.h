// BCM57508 ("P5", Thor): the PCI identity, the BARs and the doorbell.
//
// Source: Linux drivers/net/ethernet/broadcom/bnxt/bnxt.h, bnxt_hwrm.c. All is little-endian.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ci/vnic/device/pci_config.h"

namespace vnic::bnxt {

// Shape of this NIC.
inline constexpr std::uint16_t kMaxQueues = 16;  // notification queues, a vector each
inline constexpr std::uint16_t kMaxTxRings = kMaxQueues;
inline constexpr std::uint16_t kMaxRxRings = 2 * kMaxQueues;  // with an aggregation ring each
inline constexpr std::uint16_t kMaxCompletionRings = 2 * kMaxQueues;  // one each for rx and tx
inline constexpr std::uint16_t kMaxVnics = 64;
inline constexpr std::uint16_t kMaxMtu = 9500;
inline constexpr std::uint16_t kChip = 0x1750;

inline constexpr unsigned kRegisterBar = 0;
inline constexpr unsigned kDoorbellBar = 2;
inline constexpr unsigned kMsixBar = 4;  // otherwise unused, but the driver insists on it
inline constexpr std::uint64_t kRegisterBarSize = 0x10000;
inline constexpr std::uint64_t kDoorbellBarSize = 0x100000;

inline constexpr PciIdentity kIdentity = {
    .vendor = 0x14e4,
    .device = kChip,
    .subsystem_vendor = 0x14e4,
    .subsystem = 0x2100,
    .revision = 0x11,
    .class_code = 0x020000,
    .bars = {PciBar{.size = kRegisterBarSize, .is_64bit = true}, PciBar{},
             PciBar{.size = kDoorbellBarSize, .is_64bit = true}, PciBar{},
             PciBar{.size = 0x2000, .is_64bit = true}, PciBar{}},
    .msix = {.vectors = kMaxQueues, .bar = kMsixBar, .table_offset = 0, .pending_offset = 0x1000},
};

// BAR 0: the window that a command is written into, and what sets it off.
inline constexpr std::uint64_t kCommandWindow = 0;
inline constexpr std::size_t kCommandWindowSize = 0x80;
inline constexpr std::uint64_t kCommandTrigger = 0x100;
// Writes here move a window over the chip's own registers, of which the driver reads the signature
// of a status area (there is none: 0) and the health of the firmware.
inline constexpr std::uint64_t kWindowBase = 0x400;
inline constexpr std::uint64_t kWindowBaseEnd = 0x440;
inline constexpr std::uint64_t kFirmwareHealth = 0x520;
inline constexpr std::uint32_t kFirmwareHealthy = 0x8000;

// BAR 2: one address for the doorbells of all rings (bnxt.c, bnxt_set_db).
inline constexpr std::uint64_t kDoorbell = 0x10000;

enum class DoorbellType : std::uint8_t {
  kTx = 0x0,
  kRx = 0x2,  // of packet and aggregation buffers
  kCompletion = 0x4,
  kCompletionArm = 0x6,
  kNotification = 0xa,
  kNotificationArm = 0xb,
};

struct Doorbell {
  std::uint32_t index;
  std::uint32_t ring;
  DoorbellType type;

  static constexpr Doorbell Decode(std::uint64_t value) {
    return {.index = static_cast<std::uint32_t>(value & 0xffffff),
            .ring = static_cast<std::uint32_t>(value >> 32U & 0xfffff),
            .type = static_cast<DoorbellType>(value >> 60U)};
  }
};

}  // namespace vnic::bnxt
