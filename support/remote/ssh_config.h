// The SSH configuration of a target, as ssh(1) itself reports it (`ssh -G`).
//
// libssh reads ssh_config too, but not all of it (no HostKeyAlias, no IdentitiesOnly), tells little
// about what it has read, and rejects host names with an underscore. For use inside support/remote.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/remote/ssh_peer.h"

namespace zcrx {

// Tokens (%h, ~) in paths and commands are expanded. Lists are comma-separated; empty: libssh's
// default.
struct SshConfig {
  std::string host;  // HostName
  uint16_t port = 22;
  std::string user;
  std::vector<std::string> identities;   // IdentityFile; files may not exist
  bool identities_only = false;          // use no other keys of the agent
  std::string agent;                     // the agent's socket; empty: no agent
  std::vector<std::string> known_hosts;  // the user's files, then the system's; never empty
  std::string key_alias;                 // HostKeyAlias
  std::string proxy_command;             // ProxyCommand, or the equivalent of ProxyJump
  std::optional<std::chrono::seconds> connect_timeout;
  std::string ciphers;
  std::string macs;
  std::string key_exchange;
  std::string host_key_algorithms;
  std::string accepted_algorithms;  // PubkeyAcceptedAlgorithms
  std::string compression;          // "yes", "no"
};

// Runs `ssh -G`. Fails with ssh(1)'s own message. If there is no file to read, returns ssh(1)'s
// defaults without running it.
Result<SshConfig> ReadSshConfig(const SshOptions& options, Deadline deadline);

}  // namespace zcrx
