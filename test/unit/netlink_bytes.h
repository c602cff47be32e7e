// Bytes for netlink tests: written as hex, as strace and xxd print them.
#pragma once

#include <netlink/msg.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "support/nic/netlink/message.h"

namespace zcrx::netlink {

// "0a 01" -> {0x0a, 0x01}; anything but hex digits is passed over.
inline std::vector<std::byte> FromHex(std::string_view text) {
  std::vector<std::byte> bytes;
  int high = -1;
  for (const char c : text) {
    const auto digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) continue;
    if (high < 0) {
      high = static_cast<int>(digit);
      continue;
    }
    bytes.push_back(static_cast<std::byte>(high * 16 + static_cast<int>(digit)));
    high = -1;
  }
  return bytes;
}

// What a request carries after its nlmsghdr; empty where it could not be built.
inline std::vector<std::byte> PayloadOf(Request& request) {
  auto msg = request.Finish();
  if (!msg.has_value()) return {};
  const nlmsghdr* header = nlmsg_hdr(*msg);
  const auto* begin = reinterpret_cast<const std::byte*>(header);
  return {begin + sizeof(nlmsghdr), begin + header->nlmsg_len};
}

}  // namespace zcrx::netlink
