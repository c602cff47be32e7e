// A peer reached over SSH (libssh), with one session for everything: a login costs seconds on a
// slow machine.
//
// Deadlines: a call that gets no answer in time takes the connection down with it, because an SSH
// session whose answers are out of step is of no further use; that is ETIMEDOUT, and later calls
// fail at once. Only PeerProcess::ReadLine() and Wait() leave the connection as it is.
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
  // A private key, the only one tried; one with a passphrase through the agent. Empty: those of
  // ~/.ssh/config, else ~/.ssh/id_*, and the agent's.
  std::string identity;
  std::string known_hosts;      // empty: ~/.ssh/config's, else ~/.ssh/known_hosts
  std::string config;           // in place of ~/.ssh/config and /etc/ssh/ssh_config
  std::string folder = "/tmp";  // where Deploy() makes its folders on the peer
  // For all of the login. Empty: ConnectTimeout of ~/.ssh/config, else 15 s.
  std::optional<std::chrono::milliseconds> timeout;
};

// Logs in. The host key must be in known_hosts, whatever StrictHostKeyChecking says. Errors that
// the user can mend say how: unknown host key, changed host key (with file and line), no key
// accepted, connection refused.
Result<std::unique_ptr<Peer>> ConnectSshPeer(const SshOptions& options);

}  // namespace zcrx
