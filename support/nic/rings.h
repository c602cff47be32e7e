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

// enum ethtool_tcp_data_split of linux/ethtool_netlink.h. As a setting, kUnknown leaves header
// split to the driver; the ethtool program calls it "auto".
enum class TcpDataSplit : uint8_t { kUnknown = 0, kDisabled = 1, kEnabled = 2 };
std::string FieldText(TcpDataSplit split);  // "auto", "off", "on"

// The rings as the device reports them. Absent fields do not exist on the device. Sizes are in
// descriptors, hds_thresh in bytes.
struct Rings {
  std::optional<uint32_t> rx = {};
  std::optional<uint32_t> rx_max = {};
  std::optional<uint32_t> rx_mini = {};
  std::optional<uint32_t> rx_jumbo = {};  // bnxt: the ring that holds payload
  std::optional<uint32_t> tx = {};
  std::optional<uint32_t> tx_max = {};
  // The driver's state, not the configured value. A driver may report kEnabled while the kernel's
  // configuration is still kUnknown, and then a memory provider is refused: netif_mp_open_rxq() in
  // net/core/netdev_rx_queue.c.
  std::optional<TcpDataSplit> tcp_data_split = {};
  std::optional<uint32_t> hds_thresh = {};  // present if and only if it can be set (6.14)
  std::optional<uint32_t> hds_thresh_max = {};

  bool operator==(const Rings&) const = default;
};

// Absent fields are not sent and stay as they are.
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
// Sets all fields in one request: the device refuses all of them if it cannot take one. Many
// drivers restart the device for each request that changes anything; the kernel does not call the
// driver if nothing differs (ethnl_set_rings() in net/ethtool/rings.c).
Status SetRings(Nic& nic, const RingsChange& change);
// Configures header split on. Returns whether that changed the configuration: if header split was
// on before, it then was the driver's own choice, which no kernel shows. Fails if header split
// cannot be configured, and with ENOBUFS if it is on but whether that was a change could not be
// determined.
Result<bool> ClaimSplit(Nic& nic);

// Clears the sizes of the mini and jumbo rings, for drivers that derive them from `rx` and header
// split: bnxt has no jumbo ring without header split.
inline void LeaveDerived(RingsChange& rings) {
  rings.rx_mini.reset();
  rings.rx_jumbo.reset();
}

// Parses the reply to ETHTOOL_MSG_RINGS_GET.
Rings ParseRings(netlink::Attributes reply);
void EncodeRings(const RingsChange& change, netlink::Request& request);

}  // namespace zcrx
