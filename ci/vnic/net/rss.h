// Receive-side scaling: which queue a packet goes to when no flow rule says so.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ci/vnic/net/headers.h"
#include "ci/vnic/net/toeplitz.h"

namespace vnic {

// Which fields of which packets are hashed. A TCP packet whose TCP type is off is hashed as IP.
struct HashTypes {
  bool ipv4 = false;
  bool ipv4_tcp = false;
  bool ipv4_udp = false;
  bool ipv6 = false;
  bool ipv6_tcp = false;
  bool ipv6_udp = false;

  static constexpr HashTypes All() { return {true, true, true, true, true, true}; }
};

struct RssHash {
  std::uint32_t value = 0;
  bool with_ports = false;

  bool operator==(const RssHash&) const = default;
};

// nullopt where the packet has no fields of the types that are on. Fragments are hashed as IP, so
// that all of one datagram go to one queue.
std::optional<RssHash> HashOf(const Headers& headers, const ToeplitzKey& key, HashTypes types);

// A key and an indirection table: the NIC's default one, or an additional RSS context.
struct RssContext {
  ToeplitzKey key{};
  HashTypes types = HashTypes::All();
  // Queue of each slot; a packet takes slot `hash % size`, one without a hash slot 0.
  std::vector<std::uint32_t> indirection;

  // nullopt where the table is empty: there is no queue to take the packet.
  [[nodiscard]] std::optional<std::uint32_t> QueueFor(std::optional<RssHash> hash) const;
};

}  // namespace vnic
