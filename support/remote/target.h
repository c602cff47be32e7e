// Where the peer's SSH login is: "[user@]host[:port]".
//
// The forms ssh(1) takes, told apart by the brackets:
//   peer, root@peer, root@192.0.2.2:2222, root@[2001:db8::2]:22, 2001:db8::2 (no port)
// `host` may also be an alias from ~/.ssh/config; what it stands for is looked up when connecting.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "support/base/result.h"

namespace zcrx {

struct SshTarget {
  std::string user;   // empty: ~/.ssh/config's, else who runs the program
  std::string host;   // an IPv6 address stands without its brackets
  uint16_t port = 0;  // 0: ~/.ssh/config's, else 22
  bool operator==(const SshTarget&) const = default;
};

// Refuses what ssh(1) could take for an option (a leading dash) and what a shell could act on,
// blanks and control characters.
Result<SshTarget> ParseSshTarget(std::string_view text);

// The form ParseSshTarget() reads.
std::string ToString(const SshTarget& target);

}  // namespace zcrx
