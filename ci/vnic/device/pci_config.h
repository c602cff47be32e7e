// The configuration space of a PCI function: its identity and the capabilities a driver looks for.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace vnic {

struct PciBar {
  std::uint64_t size = 0;  // bytes, a power of two; 0: no such BAR
  bool is_64bit = false;   // also uses the register of the next BAR
};

// Where the MSI-X table is. The client emulates the table itself; see vfio_user/msix.h.
struct MsixLayout {
  std::uint16_t vectors = 0;
  std::uint8_t bar = 0;
  std::uint32_t table_offset = 0;
  std::uint32_t pending_offset = 0;
};

// A capability beside PCI Express and MSI-X, which every function has.
struct PciCapability {
  std::uint8_t id = 0;
  // What follows the identifier and the pointer to the next capability.
  std::span<const std::uint8_t> bytes{};
  // Its bits that software may write; as long as `bytes`, or empty: none.
  std::span<const std::uint8_t> writable{};
};

struct PciIdentity {
  std::uint16_t vendor = 0;
  std::uint16_t device = 0;
  std::uint16_t subsystem_vendor = 0;
  std::uint16_t subsystem = 0;
  std::uint8_t revision = 0;
  std::uint32_t class_code = 0;  // 24 bits: class, subclass, programming interface
  std::array<PciBar, 6> bars{};
  MsixLayout msix;
  std::span<const PciCapability> capabilities{};  // all within kCapabilitiesEnd
};

// A type 0 header and a list of capabilities, PCI Express and MSI-X first (PCI Local Bus 3.0, 6.1
// and 6.8; PCI Express 3.0, 7.8). What is behind the first 256 bytes, the extended space, has no
// capability and reads as zeros. Out-of-range accesses read as ones and write nothing.
class PciConfig {
 public:
  static constexpr std::size_t kSize = 4096;
  static constexpr std::size_t kCapabilitiesEnd = 256;

  explicit PciConfig(const PciIdentity& identity);

  void Read(std::uint64_t offset, std::span<std::uint8_t> data) const;
  // Changes only the bits that the specification lets software write. True: it asks for a
  // function-level reset (Initiate Function Level Reset in Device Control, which reads as zero).
  [[nodiscard]] bool Write(std::uint64_t offset, std::span<const std::uint8_t> data);

 private:
  void Put16(std::size_t offset, std::uint16_t value, std::uint16_t writable = 0);
  void Put32(std::size_t offset, std::uint32_t value, std::uint32_t writable = 0);
  // Appends to the list a capability of `size` bytes, identifier and pointer included. Returns its
  // offset; nullopt where there is no room.
  std::optional<std::size_t> Append(std::uint8_t id, std::size_t size);
  void AppendExpress();
  void AppendMsix(const MsixLayout& msix);

  std::size_t end_ = 0x40;   // of the capabilities
  std::size_t link_ = 0x34;  // where the offset of the next one is to stand
  std::size_t reset_ = 0;    // the byte with Initiate Function Level Reset
  std::array<std::uint8_t, kSize> bytes_{};
  std::array<std::uint8_t, kSize> writable_{};
};

}  // namespace vnic
