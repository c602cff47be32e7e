// Descriptor rings and header split: ethtool -g and -G (ETHTOOL_MSG_RINGS_*, net/ethtool/rings.c).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "support/base/result.h"
#include "support/nic/netlink/message.h"
#include "support/nic/nic.h"

namespace zcrx {

// enum ethtool_tcp_data_split of linux/ethtool_netlink.h.
enum class TcpDataSplit : uint8_t { kUnknown = 0, kDisabled = 1, kEnabled = 2 };

// What the device reported. Absent: it did not, because it has no such thing.
// Sizes are in descriptors, hds_thresh in bytes.
struct Rings {
  std::optional<uint32_t> rx = {};
  std::optional<uint32_t> rx_max = {};
  std::optional<uint32_t> tx = {};
  std::optional<uint32_t> tx_max = {};
  // The driver's state, not the configured wish: a driver may say kEnabled while the kernel's
  // configuration is still kUnknown, and then refuses a memory provider (see ConfigureRings).
  std::optional<TcpDataSplit> tcp_data_split = {};
  std::optional<uint32_t> hds_thresh = {};  // present exactly where it may be set (since 6.14)
  std::optional<uint32_t> hds_thresh_max = {};

  bool operator==(const Rings&) const = default;
};

// Absent: left as it is, and not sent.
struct RingsChange {
  std::optional<uint32_t> rx = {};
  std::optional<uint32_t> tx = {};
  std::optional<TcpDataSplit> tcp_data_split = {};
  std::optional<uint32_t> hds_thresh = {};

  bool operator==(const RingsChange&) const = default;
  [[nodiscard]] bool Empty() const { return *this == RingsChange{}; }
  [[nodiscard]] std::string Text() const;  // "rx 64, tcp-data-split on, hds-thresh 0"
};

Result<Rings> GetRings(Nic& nic);
// One request for all: a value the device cannot take refuses the others with it.
Status SetRings(Nic& nic, const RingsChange& change);
// The same, telling whether the configuration was another one before, whatever the driver reported.
// ENOBUFS: it is set, and that could not be told.
Result<bool> SetRingsAndTell(Nic& nic, const RingsChange& change);
// Whether header split that is on is the driver's own choice. No kernel shows that: it is
// configured on, which changes something only then, and is left to the driver again. Many drivers
// stop and start the device for each. What cannot be configured was configured by nobody, but in
// that case nobody can change it either: false. ENOBUFS: could not be told.
Result<bool> SplitIsAutomatic(Nic& nic);

// The reply to ETHTOOL_MSG_RINGS_GET.
Rings ParseRings(netlink::Attributes reply);
void EncodeRings(const RingsChange& change, netlink::Request& request);

}  // namespace zcrx
