// The suite's configuration of NIC and peer, in the variables of the kernel's selftests. Source:
// Linux tools/testing/selftests/drivers/net/README.rst, lib/py/env.py.
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
//   ZCRX_REMOTE_DIR        --remote-dir        folder for the sender on the peer (default /tmp)
//   ZCRX_PROMISED          --promised          capabilities whose absence fails tests
//   ZCRX_WAIT              --wait              seconds to wait for a NIC that is in use (default 0)
//   DISRUPTIVE             --disruptive        False: tests that disturb the link skip
//   KSFT_MACHINE_SLOW      --machine-slow      yes: deadlines are stretched
//
// Flags override the environment, the environment overrides the file. An empty value counts as
// unset. At least one pair of addresses (V4 or V6) is required; half a pair is an error.
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

// Addresses as inet_pton(3) reads them. Unicast, with a scope that both machines understand: not
// loopback, link-local or v4-mapped.
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
  uint16_t port = 0;     // 0: chosen by the kernel, a different one for each test
  std::string sender;    // a path on this machine
  std::string guardian;  // zcrx_nic beside this program
  std::string ssh_identity;
  std::string ssh_known_hosts;
  std::string ssh_config;
  std::optional<std::chrono::seconds> ssh_timeout;
  std::string remote_dir;
  std::set<std::string> promised;  // as written; not compared with the known capabilities here
  std::chrono::seconds wait{0};    // how long to wait for a NIC that is in use
  bool disruptive = true;          // run tests that set the link down, or its MTU
  bool machine_slow = false;       // a kernel with sanitizers, an emulated machine
  bool fresh = false;              // restore the NIC after every test
};

// Keys (NETIF) and values of one source. Later entries override earlier ones.
using KeyValues = std::vector<std::pair<std::string, std::string>>;

struct ConfigSources {
  KeyValues flags;
  KeyValues environment;
  std::string file;       // empty: ./net.config if it exists
  bool needs_nic = true;  // false: NIC, addresses and peer are not read
};

struct ConfigKey {
  std::string_view key;   // "NETIF"
  std::string_view flag;  // "--netif"
  std::string_view help;
};
// Returns all keys in the order of the table above.
std::span<const ConfigKey> ConfigKeys();

// Returns the values of ConfigKeys() in the process environment.
KeyValues ConfigFromEnvironment();

inline constexpr std::chrono::seconds kLongestWait = std::chrono::days(7);
// Parses the value of --wait. Returns nullopt unless it is a number of seconds up to kLongestWait.
std::optional<std::chrono::seconds> ParseWait(std::string_view text);

// Loads and checks the configuration. All problems are in the detail of one error, one per line:
// the key, where the value came from and how to fix it.
Result<Config> LoadConfig(const ConfigSources& sources);
// Returns whether anything is set that is about a NIC or a peer: not ZCRX_WAIT, DISRUPTIVE,
// KSFT_MACHINE_SLOW. True also if the file cannot be read: LoadConfig() says why.
bool ConfiguresNic(const ConfigSources& sources);
// Returns NETIF only, for programs that need no peer. The error is one sentence, about the first
// problem.
Result<std::string> LoadNetif(const ConfigSources& sources);

}  // namespace zcrx
