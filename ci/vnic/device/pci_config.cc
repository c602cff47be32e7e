#include "ci/vnic/device/pci_config.h"

#include <algorithm>

#include "ci/vnic/base/endian.h"

namespace vnic {
namespace {

// Type 0 header; names as in linux/pci_regs.h.
constexpr std::size_t kVendor = 0x00;
constexpr std::size_t kDevice = 0x02;
constexpr std::size_t kCommand = 0x04;
constexpr std::size_t kStatus = 0x06;
constexpr std::size_t kRevisionAndClass = 0x08;
constexpr std::size_t kBar0 = 0x10;
constexpr std::size_t kSubsystemVendor = 0x2c;
constexpr std::size_t kSubsystem = 0x2e;
constexpr std::size_t kInterruptLine = 0x3c;

constexpr std::uint16_t kCommandMemory = 1U << 1;
constexpr std::uint16_t kCommandMaster = 1U << 2;
constexpr std::uint16_t kCommandIntxDisable = 1U << 10;
constexpr std::uint16_t kStatusCapabilityList = 1U << 4;
constexpr std::uint32_t kBar64bit = 2U << 1;

constexpr std::uint8_t kCapabilityExpress = 0x10;
constexpr std::size_t kExpressSize = 60;
constexpr std::uint8_t kInitiateReset = 1U << 7;
constexpr std::uint8_t kCapabilityMsix = 0x11;
constexpr std::size_t kMsixSize = 12;

}  // namespace

PciConfig::PciConfig(const PciIdentity& identity) {
  Put16(kVendor, identity.vendor);
  Put16(kDevice, identity.device);
  Put16(kCommand, 0, kCommandMemory | kCommandMaster | kCommandIntxDisable);
  Put16(kStatus, kStatusCapabilityList);
  Put32(kRevisionAndClass, identity.class_code << 8 | identity.revision);
  Put16(kSubsystemVendor, identity.subsystem_vendor);
  Put16(kSubsystem, identity.subsystem);
  Put16(kInterruptLine, 0, 0xff);

  for (std::size_t i = 0; i < identity.bars.size(); ++i) {
    const PciBar& bar = identity.bars[i];
    if (bar.size == 0) continue;
    const std::uint64_t mask = ~(bar.size - 1);
    Put32(kBar0 + 4 * i, bar.is_64bit ? kBar64bit : 0, static_cast<std::uint32_t>(mask));
    if (bar.is_64bit) Put32(kBar0 + 4 * ++i, 0, static_cast<std::uint32_t>(mask >> 32));
  }

  AppendExpress();
  AppendMsix(identity.msix);
  for (const PciCapability& capability : identity.capabilities) {
    const auto at = Append(capability.id, 2 + capability.bytes.size());
    if (!at) continue;
    std::ranges::copy(capability.bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(*at + 2));
    std::ranges::copy(
        capability.writable.first(std::min(capability.writable.size(), capability.bytes.size())),
        writable_.begin() + static_cast<std::ptrdiff_t>(*at + 2));
  }
}

std::optional<std::size_t> PciConfig::Append(std::uint8_t id, std::size_t size) {
  if (size > kCapabilitiesEnd - end_) return std::nullopt;
  const std::size_t at = end_;
  bytes_[link_] = static_cast<std::uint8_t>(at);
  bytes_[at] = id;
  link_ = at + 1;
  end_ = std::min(kCapabilitiesEnd, (at + size + 3) / 4 * 4);  // they begin at multiples of 4
  return at;
}

void PciConfig::AppendExpress() {
  const auto at = Append(kCapabilityExpress, kExpressSize);
  if (!at) return;
  // An endpoint, version 2, with a function-level reset; max payload 128 bytes; link 8 GT/s x16.
  Put16(*at + 2, 2);
  Put32(*at + 4, 1U << 28 | 1U << 15);
  Put16(*at + 8, 0, 0x7fff);
  reset_ = *at + 9;
  Put32(*at + 12, 16U << 4 | 3U);
  Put16(*at + 18, 16U << 4 | 3U);
  // Link Capabilities 2: 2.5, 5 and 8 GT/s. Linux looks for more than 5 GT/s only here (pci.c,
  // pcie_get_speed_cap) and otherwise reports "0.000 Gb/s available PCIe bandwidth".
  Put32(*at + 44, 1U << 3 | 1U << 2 | 1U << 1);
}

void PciConfig::AppendMsix(const MsixLayout& msix) {
  const auto at = Append(kCapabilityMsix, kMsixSize);
  if (!at) return;
  Put16(*at + 2, static_cast<std::uint16_t>(msix.vectors - 1), 0xc000);
  Put32(*at + 4, msix.table_offset | msix.bar);
  Put32(*at + 8, msix.pending_offset | msix.bar);
}

void PciConfig::Put16(std::size_t offset, std::uint16_t value, std::uint16_t writable) {
  StoreAt(bytes_, offset, Le16(value));
  StoreAt(writable_, offset, Le16(writable));
}

void PciConfig::Put32(std::size_t offset, std::uint32_t value, std::uint32_t writable) {
  StoreAt(bytes_, offset, Le32(value));
  StoreAt(writable_, offset, Le32(writable));
}

void PciConfig::Read(std::uint64_t offset, std::span<std::uint8_t> data) const {
  std::ranges::fill(data, std::uint8_t{0xff});
  if (offset >= kSize) return;
  const auto from = std::span(bytes_).subspan(offset);
  std::ranges::copy(from.first(std::min(from.size(), data.size())), data.begin());
}

bool PciConfig::Write(std::uint64_t offset, std::span<const std::uint8_t> data) {
  bool reset = false;
  for (std::size_t i = 0; i < data.size() && offset < kSize && i < kSize - offset; ++i) {
    std::uint8_t& byte = bytes_[offset + i];
    const std::uint8_t mask = writable_[offset + i];
    byte = static_cast<std::uint8_t>((byte & ~mask) | (data[i] & mask));
    reset |= offset + i == reset_ && (data[i] & kInitiateReset) != 0;
  }
  return reset;
}

}  // namespace vnic
