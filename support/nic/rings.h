// Descriptor rings and header split: ethtool -g and -G (ETHTOOL_MSG_RINGS_*, net/ethtool/rings.c).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "support/base/result.h"
#include "support/nic/fields.h"
#include "support/nic/netlink/message.h"
#include "support/nic/nic.h"

namespace zcrx {

// enum ethtool_tcp_data_split of linux/ethtool_netlink.h.
// Configured, kUnknown leaves it to the driver: "auto" to the ethtool program.
enum class TcpDataSplit : uint8_t { kUnknown = 0, kDisabled = 1, kEnabled = 2 };
std::string FieldText(TcpDataSplit split);  // "auto", "off", "on"

// What the device reported. Absent: it did not, because it has no such thing.
// Sizes are in descriptors, hds_thresh in bytes.
struct Rings {
  std::optional<uint32_t> rx = {};
  std::optional<uint32_t> rx_max = {};
  std::optional<uint32_t> rx_mini = {};
  std::optional<uint32_t> rx_jumbo = {};  // bnxt: of the ring that holds payload
  std::optional<uint32_t> tx = {};
  std::optional<uint32_t> tx_max = {};
  // The driver's state, not the configured wish: a driver may say kEnabled while the kernel's
  // configuration is still kUnknown, and then refuses a memory provider: netif_mp_open_rxq() in
  // net/core/netdev_rx_queue.c.
  std::optional<TcpDataSplit> tcp_data_split = {};
  std::optional<uint32_t> hds_thresh = {};  // present exactly where it may be set (since 6.14)
  std::optional<uint32_t> hds_thresh_max = {};

  bool operator==(const Rings&) const = default;
};

// Absent: left as it is, and not sent.
struct RingsChange {
  std::optional<uint32_t> rx = {};
  std::optional<uint32_t> rx_mini = {};
  std::optional<uint32_t> rx_jumbo = {};
  std::optional<uint32_t> tx = {};
  std::optional<TcpDataSplit> tcp_data_split = {};
  std::optional<uint32_t> hds_thresh = {};

  bool operator==(const RingsChange&) const = default;
  [[nodiscard]] bool Empty() const { return *this == RingsChange{}; }

  static constexpr auto Fields() {
    return std::tuple{Field{"rx", &RingsChange::rx},
                      Field{"rx-mini", &RingsChange::rx_mini},
                      Field{"rx-jumbo", &RingsChange::rx_jumbo},
                      Field{"tx", &RingsChange::tx},
                      Field{"tcp-data-split", &RingsChange::tcp_data_split},
                      Field{"hds-thresh", &RingsChange::hds_thresh}};
  }
};

Result<Rings> GetRings(Nic& nic);
// One request for all: a value the device cannot take refuses the others with it. Many drivers stop
// and start the device for each request that changes anything; where the configuration is so
// already, the kernel does not ask the driver (ethnl_set_rings() in net/ethtool/rings.c).
Status SetRings(Nic& nic, const RingsChange& change);
// Configures header split on, and returns whether that changed the configuration: header split that
// was on before was the driver's own choice then, which no kernel shows. Fails where it cannot be
// configured. ENOBUFS: it is on, and that could not be learned.
Result<bool> ClaimSplit(Nic& nic);

// Leaves the mini and jumbo rings to a driver that derives them from `rx` and from header split:
// bnxt has no jumbo ring without it.
inline void LeaveDerived(RingsChange& rings) {
  rings.rx_mini.reset();
  rings.rx_jumbo.reset();
}

// The reply to ETHTOOL_MSG_RINGS_GET.
Rings ParseRings(netlink::Attributes reply);
void EncodeRings(const RingsChange& change, netlink::Request& request);

}  // namespace zcrx
