// What ssh(1) would do to reach a target: its own answer, from `ssh -G`.
//
// libssh reads ssh_config too, but not all of it (no HostKeyAlias, no IdentitiesOnly), tells little
// of what it has read, and takes no host name with an underscore. Inside support/remote only.
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

// Paths and commands have their tokens (%h, ~) replaced. Lists are comma-separated; empty: libssh's
// own.
struct SshConfig {
  std::string host;  // HostName
  uint16_t port = 22;
  std::string user;
  std::vector<std::string> identities;   // IdentityFile; some may not be there
  bool identities_only = false;          // nothing else of the agent
  std::string agent;                     // its socket; empty: there is none
  std::vector<std::string> known_hosts;  // the user's files, then the system's; never empty
  std::string key_alias;                 // HostKeyAlias
  std::string proxy_command;             // ProxyCommand, or what ProxyJump comes to
  std::optional<std::chrono::seconds> connect_timeout;
  std::string ciphers;
  std::string macs;
  std::string key_exchange;
  std::string host_key_algorithms;
  std::string accepted_algorithms;  // PubkeyAcceptedAlgorithms
  std::string compression;          // "yes", "no"
};

// Fails with ssh(1)'s own words. Where there is no file to read, ssh(1)'s defaults, and it is not
// asked.
Result<SshConfig> ReadSshConfig(const SshOptions& options, Deadline deadline);

}  // namespace zcrx
