// A generic netlink family ("ethtool", "netdev") as the kernel describes it
// (CTRL_CMD_GETFAMILY, Documentation/netlink/specs/nlctrl.yaml).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "support/base/result.h"
#include "support/nic/netlink/message.h"

namespace zcrx::netlink {

struct Family {
  int id = 0;
  std::set<uint8_t> commands = {};
  std::map<std::string, uint32_t, std::less<>> groups = {};

  // Whether this kernel's family knows the command: generic netlink itself answers EOPNOTSUPP to
  // one it does not know, which a driver's refusal looks just like.
  [[nodiscard]] bool Has(uint8_t command) const { return commands.contains(command); }
  [[nodiscard]] std::optional<uint32_t> Group(std::string_view name) const {
    const auto found = groups.find(name);
    return found == groups.end() ? std::nullopt : std::optional(found->second);
  }

  // `operation` is for errors: "get rings of eth1".
  [[nodiscard]] Request Get(std::string operation, uint8_t command) const;
  [[nodiscard]] Request Dump(std::string operation, uint8_t command) const;
};

// The reply to CTRL_CMD_GETFAMILY.
Result<Family> ParseFamily(Attributes reply);

}  // namespace zcrx::netlink
