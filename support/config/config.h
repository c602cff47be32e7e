// What the suite is told about the NIC and the peer, in the variables of the kernel's selftests.
// Source: Linux tools/testing/selftests/drivers/net/README.rst, lib/py/env.py.
//
//   key                    flag                meaning
//   NETIF                  --netif             the NIC under test, on this machine
//   LOCAL_V4, LOCAL_V6     --local-v4, -v6     its addresses
//   REMOTE_V4, REMOTE_V6   --remote-v4, -v6    the peer's, on the same cable
//   REMOTE_TYPE            --remote-type       ssh
//   REMOTE_ARGS            --remote-args       [user@]host[:port], or an alias of ~/.ssh/config
//   ZCRX_PORT              --port              where tests listen (default: the kernel chooses)
//   ZCRX_SENDER            --sender            zcrx_sender for the peer (default: beside this one)
//   ZCRX_SSH_IDENTITY      --ssh-identity      private key (default: agent, then ~/.ssh)
//   ZCRX_SSH_KNOWN_HOSTS   --ssh-known-hosts   default ~/.ssh/known_hosts
//   ZCRX_SSH_CONFIG        --ssh-config        default ~/.ssh/config, /etc/ssh/ssh_config
//   ZCRX_SSH_TIMEOUT       --ssh-timeout       seconds for the login (default: ConnectTimeout, else
//                                              15)
//   ZCRX_REMOTE_DIR        --remote-dir        where the peer takes the sender (default /tmp)
//   ZCRX_PROMISED          --promised          capabilities that tests must not find missing
//   ZCRX_WAIT              --wait              seconds to wait for a NIC that is in use (default 0)
//
// A flag wins over the environment, the environment over the file. An empty value counts as none.
// At least one pair of addresses (V4 or V6) is needed, and half a pair is an error.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/base/result.h"
#include "support/remote/target.h"

namespace zcrx {

// As inet_pton(3) reads them. Unicast, and of a scope that both machines understand: no loopback,
// link-local or v4-mapped address.
struct AddressPair {
  std::string local;
  std::string remote;
  bool operator==(const AddressPair&) const = default;
};

struct Config {
  std::string netif;
  std::optional<AddressPair> v4;
  std::optional<AddressPair> v6;
  SshTarget remote;
  uint16_t port = 0;     // 0: a different one for each test, chosen by the kernel
  std::string sender;    // a path on this machine
  std::string guardian;  // zcrx_nic beside this program
  std::string ssh_identity;
  std::string ssh_known_hosts;
  std::string ssh_config;
  std::optional<std::chrono::seconds> ssh_timeout;
  std::string remote_dir;
  std::set<std::string> promised;  // as written; what names there are is not known here
  std::chrono::seconds wait{0};    // for a NIC that is in use
  bool fresh = false;              // the NIC is put back after every test
};

// A key (NETIF) as the sources have it; each list's later entries win.
using KeyValues = std::vector<std::pair<std::string, std::string>>;

struct ConfigSources {
  KeyValues flags;
  KeyValues environment;
  std::string file;  // empty: ./net.config where there is one
};

struct ConfigKey {
  std::string_view key;   // "NETIF"
  std::string_view flag;  // "--netif"
  std::string_view help;
};
// Every key, in the order of the table above.
std::span<const ConfigKey> ConfigKeys();

// The values that the process environment has for ConfigKeys().
KeyValues ConfigFromEnvironment();

inline constexpr std::chrono::seconds kLongestWait = std::chrono::days(7);
// Of --wait: up to a week; nullopt for what is no such number.
std::optional<std::chrono::seconds> ParseWait(std::string_view text);

// Everything that is missing or wrong is in the one error's detail, a line each: the key, where it
// came from, what would mend it.
Result<Config> LoadConfig(const ConfigSources& sources);
// NETIF alone, for programs that need no peer. The error is one sentence, about the first problem.
Result<std::string> LoadNetif(const ConfigSources& sources);

}  // namespace zcrx
