// A peer reached over SSH (libssh). One session serves everything, because a login takes seconds on
// a slow machine.
//
// Deadlines: a call that gets no answer in time closes the connection and fails with ETIMEDOUT,
// because a session whose answers are out of step cannot be used any more; later calls fail at
// once. Only PeerProcess::ReadLine() and Wait() leave the connection as it is.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "support/base/result.h"
#include "support/remote/peer.h"
#include "support/remote/target.h"

namespace zcrx {

struct SshOptions {
  SshTarget target;
  // A private key, the only one tried; if it has a passphrase, through the agent. Empty: the keys
  // of ~/.ssh/config or else ~/.ssh/id_*, and the agent's.
  std::string identity;
  std::string known_hosts;      // empty: ~/.ssh/config's, else ~/.ssh/known_hosts
  std::string config;           // replaces ~/.ssh/config and /etc/ssh/ssh_config
  std::string folder = "/tmp";  // parent of Deploy()'s folders on the peer
  // Timeout of the whole login. Empty: ConnectTimeout of ~/.ssh/config, else 15 s.
  std::optional<std::chrono::milliseconds> timeout;
};

// Logs in. The host key must be in known_hosts, regardless of StrictHostKeyChecking. Errors that
// the user can fix say how: unknown host key, changed host key (with file and line), no key
// accepted, connection refused.
Result<std::unique_ptr<Peer>> ConnectSshPeer(const SshOptions& options);

}  // namespace zcrx
