// The peer's SSH login: "[user@]host[:port]".
//
// The forms that ssh(1) accepts, distinguished by the brackets:
//   peer, root@peer, root@192.0.2.2:2222, root@[2001:db8::2]:22, 2001:db8::2 (no port)
// `host` may also be an alias from ~/.ssh/config, which is looked up when connecting.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "support/base/result.h"

namespace zcrx {

struct SshTarget {
  std::string user;   // empty: ~/.ssh/config's, else the current user
  std::string host;   // an IPv6 address without brackets
  uint16_t port = 0;  // 0: ~/.ssh/config's, else 22
  bool operator==(const SshTarget&) const = default;
};

// Parses a target. Refuses what ssh(1) could take for an option (a leading dash), what a shell
// could interpret, blanks and control characters.
Result<SshTarget> ParseSshTarget(std::string_view text);

// Returns the form that ParseSshTarget() reads.
std::string ToString(const SshTarget& target);

}  // namespace zcrx
