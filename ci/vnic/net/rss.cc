#include "ci/vnic/net/rss.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "ci/vnic/base/endian.h"

namespace vnic {
namespace {

struct Applicable {
  bool addresses = false;
  bool ports = false;
};

Applicable TypesFor(const Headers& headers, HashTypes types) {
  const bool v4 = headers.network == Network::kIpv4;
  Applicable result{.addresses = v4 ? types.ipv4 : types.ipv6};
  if (headers.transport == Transport::kTcp) result.ports = v4 ? types.ipv4_tcp : types.ipv6_tcp;
  if (headers.transport == Transport::kUdp) result.ports = v4 ? types.ipv4_udp : types.ipv6_udp;
  return result;
}

}  // namespace

std::optional<RssHash> HashOf(const Headers& headers, const ToeplitzKey& key, HashTypes types) {
  if (headers.network == Network::kNone) return std::nullopt;
  const Applicable applicable = TypesFor(headers, types);
  if (!applicable.addresses && !applicable.ports) return std::nullopt;

  const std::size_t address = headers.network == Network::kIpv4 ? 4 : 16;
  std::array<std::uint8_t, 36> input{};
  std::copy_n(headers.source.begin(), address, input.begin());
  std::copy_n(headers.destination.begin(), address, input.begin() + address);
  std::size_t length = 2 * address;
  if (applicable.ports) {
    StoreAt(input, length, Be16(headers.source_port));
    StoreAt(input, length + 2, Be16(headers.destination_port));
    length += 4;
  }
  return RssHash{.value = Toeplitz(key, std::span(input).first(length)),
                 .with_ports = applicable.ports};
}

std::optional<std::uint32_t> RssContext::QueueFor(std::optional<RssHash> hash) const {
  if (indirection.empty()) return std::nullopt;
  return indirection[hash ? hash->value % indirection.size() : 0];
}

}  // namespace vnic
