// A peer reached over SSH (libssh), with one session for everything: a login costs seconds on a
// slow machine.
//
// Deadlines: a call that gets no answer in time takes the connection down with it, because an SSH
// session whose answers are out of step is of no further use; that is ETIMEDOUT, and later calls
// fail at once. Only PeerProcess::ReadLine() and Wait() leave the connection as it is.
// Name look-ups follow resolv.conf(5)'s time limits instead.
#pragma once

#include <memory>
#include <string>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/remote/peer.h"
#include "support/remote/target.h"

namespace zcrx {

struct SshOptions {
  SshTarget target;
  // A private key without a passphrase, the only one tried. Empty: the agent's keys, then those of
  // ~/.ssh/config, then ~/.ssh/id_*.
  std::string identity;
  std::string known_hosts;      // empty: ~/.ssh/config's, else ~/.ssh/known_hosts
  std::string config;           // in place of ~/.ssh/config and /etc/ssh/ssh_config
  std::string folder = "/tmp";  // where Deploy() makes its folders on the peer
};

// Logs in. The host key must be in known_hosts, whatever StrictHostKeyChecking says. Errors that
// the user can mend say how: unknown host key, changed host key (with file and line), no key
// accepted, connection refused.
Result<std::unique_ptr<Peer>> ConnectSshPeer(const SshOptions& options, Deadline deadline);

}  // namespace zcrx
