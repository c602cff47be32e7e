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

  // Returns whether this kernel's family has the command. Generic netlink answers EOPNOTSUPP to an
  // unknown command, which looks like a driver's refusal.
  [[nodiscard]] bool Has(uint8_t command) const { return commands.contains(command); }
  [[nodiscard]] std::optional<uint32_t> Group(std::string_view name) const {
    const auto found = groups.find(name);
    return found == groups.end() ? std::nullopt : std::optional(found->second);
  }

  // Return a new request. `operation` describes it in errors: "get rings of eth1".
  [[nodiscard]] Request Get(std::string operation, uint8_t command) const;
  [[nodiscard]] Request Dump(std::string operation, uint8_t command) const;
};

// Parses the reply to CTRL_CMD_GETFAMILY.
Result<Family> ParseFamily(Attributes reply);

}  // namespace zcrx::netlink
