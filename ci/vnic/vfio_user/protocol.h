// The vfio-user protocol, as QEMU's vfio-user-pci speaks it: messages over a UNIX stream socket,
// native byte order, file descriptors beside them (SCM_RIGHTS).
//
// Source of the numbers and layouts: QEMU docs/interop/vfio-user.rst; the structures behind the
// header are those of linux/vfio.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vnic::vfio_user {

enum class Command : std::uint16_t {
  kVersion = 1,
  kDmaMap = 2,
  kDmaUnmap = 3,
  kDeviceGetInfo = 4,
  kDeviceGetRegionInfo = 5,
  kDeviceGetRegionIoFds = 6,
  kDeviceGetIrqInfo = 7,
  kDeviceSetIrqs = 8,
  kRegionRead = 9,
  kRegionWrite = 10,
  kDmaRead = 11,
  kDmaWrite = 12,
  kDeviceReset = 13,
};

inline constexpr std::uint32_t kTypeMask = 0xf;
inline constexpr std::uint32_t kTypeCommand = 0x0;
inline constexpr std::uint32_t kTypeReply = 0x1;
inline constexpr std::uint32_t kFlagNoReply = 0x10;
inline constexpr std::uint32_t kFlagError = 0x20;

struct Header {
  std::uint16_t id = 0;
  std::uint16_t command = 0;
  std::uint32_t size = 0;  // of the whole message, this header too
  std::uint32_t flags = 0;
  std::uint32_t error = 0;  // errno, in a reply with kFlagError
};
static_assert(sizeof(Header) == 16);

inline constexpr std::uint16_t kMajor = 0;
struct Version {  // JSON text follows
  std::uint16_t major = 0;
  std::uint16_t minor = 0;
};
static_assert(sizeof(Version) == 4);

// What this server accepts. QEMU's requests are far below; a message of more is a broken client.
inline constexpr std::size_t kMaxFds = 8;
inline constexpr std::size_t kMaxTransfer = std::size_t{64} * 1024;
inline constexpr std::size_t kMaxBody = kMaxTransfer + 64;

struct DmaMap {
  std::uint32_t argsz = 0;
  std::uint32_t flags = 0;
  std::uint64_t offset = 0;  // in the file
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};
static_assert(sizeof(DmaMap) == 32);
inline constexpr std::uint32_t kDmaMapRead = 1U << 0;
inline constexpr std::uint32_t kDmaMapWrite = 1U << 1;

struct DmaUnmap {
  std::uint32_t argsz = 0;
  std::uint32_t flags = 0;
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};
static_assert(sizeof(DmaUnmap) == 24);
inline constexpr std::uint32_t kDmaUnmapAll = 1U << 1;

struct DeviceInfo {
  std::uint32_t argsz = 0;
  std::uint32_t flags = 0;
  std::uint32_t regions = 0;
  std::uint32_t irqs = 0;
};
static_assert(sizeof(DeviceInfo) == 16);
inline constexpr std::uint32_t kDeviceReset = 1U << 0;
inline constexpr std::uint32_t kDevicePci = 1U << 1;

// Regions of a PCI device: BARs 0 to 5, expansion ROM, configuration space, VGA.
inline constexpr std::uint32_t kRegionConfig = 7;
inline constexpr std::uint32_t kRegions = 9;

struct RegionInfo {
  std::uint32_t argsz = 0;
  std::uint32_t flags = 0;
  std::uint32_t index = 0;
  std::uint32_t capabilities_offset = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;
};
static_assert(sizeof(RegionInfo) == 32);
inline constexpr std::uint32_t kRegionReadable = 1U << 0;
inline constexpr std::uint32_t kRegionWritable = 1U << 1;

// Interrupts of a PCI device: INTx, MSI, MSI-X, error, device request. Ours has MSI-X only.
inline constexpr std::uint32_t kIrqMsix = 2;
inline constexpr std::uint32_t kIrqs = 5;

struct IrqInfo {
  std::uint32_t argsz = 0;
  std::uint32_t flags = 0;
  std::uint32_t index = 0;
  std::uint32_t count = 0;
};
static_assert(sizeof(IrqInfo) == 16);
inline constexpr std::uint32_t kIrqEventfd = 1U << 0;
inline constexpr std::uint32_t kIrqNoResize = 1U << 3;

struct IrqSet {
  std::uint32_t argsz = 0;
  std::uint32_t flags = 0;
  std::uint32_t index = 0;
  std::uint32_t start = 0;
  std::uint32_t count = 0;
};
static_assert(sizeof(IrqSet) == 20);
inline constexpr std::uint32_t kIrqSetDataNone = 1U << 0;
inline constexpr std::uint32_t kIrqSetDataEventfd = 1U << 2;
inline constexpr std::uint32_t kIrqSetActionTrigger = 1U << 5;

struct RegionAccess {  // data follows in a write and in the reply to a read
  std::uint64_t offset = 0;
  std::uint32_t region = 0;
  std::uint32_t count = 0;
};
static_assert(sizeof(RegionAccess) == 16);

}  // namespace vnic::vfio_user
