#include "support/config/config.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "support/base/numbers.h"
#include "support/config/address.h"
#include "support/config/config_file.h"

namespace zcrx {
namespace {

constexpr std::array<ConfigKey, 18> kKeys = {{
    {"NETIF", "--netif", "the NIC under test"},
    {"LOCAL_V4", "--local-v4", "its IPv4 address"},
    {"LOCAL_V6", "--local-v6", "its IPv6 address"},
    {"REMOTE_V4", "--remote-v4", "the peer's IPv4 address"},
    {"REMOTE_V6", "--remote-v6", "the peer's IPv6 address"},
    {"REMOTE_TYPE", "--remote-type", "how the peer is reached: ssh"},
    {"REMOTE_ARGS", "--remote-args", "the peer's login: [user@]host[:port]"},
    {"ZCRX_PORT", "--port", "port that tests listen on (default: chosen by the kernel)"},
    {"ZCRX_SENDER", "--sender", "the sender program (default: the one that came with this)"},
    {"ZCRX_SSH_IDENTITY", "--ssh-identity", "private key (default: ssh-agent, ~/.ssh)"},
    {"ZCRX_SSH_KNOWN_HOSTS", "--ssh-known-hosts", "default: ~/.ssh/known_hosts"},
    {"ZCRX_SSH_CONFIG", "--ssh-config", "default: ~/.ssh/config"},
    {"ZCRX_SSH_TIMEOUT", "--ssh-timeout", "seconds for the login (default: ConnectTimeout, 15)"},
    {"ZCRX_REMOTE_DIR", "--remote-dir", "the sender's folder on the peer (default: /tmp)"},
    {"ZCRX_PROMISED", "--promised", "capabilities that must not be missing: a,b"},
    {"ZCRX_WAIT", "--wait", "seconds to wait for a NIC that is in use (default: 0)"},
    {"DISRUPTIVE", "--disruptive", "False: skip tests that set the link down, or its MTU"},
    {"KSFT_MACHINE_SLOW", "--machine-slow", "yes: wait three times as long, as on slow machines"},
}};
constexpr const char* kDefaultFile = "net.config";
constexpr size_t kMaxName = 127;  // ALTIFNAMSIZ without its NUL, include/uapi/linux/if.h

struct Value {
  std::string text;
  std::string source;  // "--netif", "environment", "net.config:3"
};

// Collects the values of all sources and all problems with them.
class Reader {
 public:
  explicit Reader(const ConfigSources& sources) {
    ReadFile(sources.file);
    Take(sources.environment, [](const std::string&) { return std::string("environment"); });
    Take(sources.flags, [](const std::string& key) {
      const auto* const known = std::ranges::find(kKeys, key, &ConfigKey::key);
      return std::string(known == kKeys.end() ? "command line" : known->flag);
    });
  }

  // Returns the value of a key, empty if there is none.
  std::string Get(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? std::string() : found->second.text;
  }
  // Returns the value of a required key.
  std::string Require(const std::string& key, std::string_view mend) {
    std::string value = Get(key);
    if (value.empty()) Missing(key, mend);
    return value;
  }
  void Missing(const std::string& key, std::string_view mend) {
    problems_.push_back(fmt::format("{} is missing: {}", key, mend));
  }
  void Wrong(const std::string& key, std::string_view reason) {
    const Value& value = values_.at(key);
    problems_.push_back(
        fmt::format("{} = {} ({}) {}", key, Quoted(value.text), value.source, reason));
  }
  [[nodiscard]] const std::vector<std::string>& Problems() const { return problems_; }

 private:
  void ReadFile(const std::string& asked_for) {
    const std::string path = asked_for.empty() ? kDefaultFile : asked_for;
    const Result<std::string> text = ReadConfigFile(path);
    if (!text.has_value()) {
      if (asked_for.empty() && text.error().code == ENOENT) return;
      problems_.push_back(text.error().Text());
      return;
    }
    const ConfigFileContent content = ParseConfigFile(*text);
    for (const std::string& problem : content.problems) {
      problems_.push_back(fmt::format("{} {}", path, problem));
    }
    for (const ConfigLine& line : content.lines) {
      Put(line.key, line.value, fmt::format("{}:{}", path, line.line));
    }
  }
  template <typename Source>
  void Take(const KeyValues& entries, Source source) {
    for (const auto& [key, value] : entries) Put(key, value, source(key));
  }
  void Put(const std::string& key, const std::string& value, std::string source) {
    if (!value.empty()) values_[key] = {value, std::move(source)};
  }

  std::map<std::string, Value> values_;
  std::vector<std::string> problems_;
};

// Accepts names and altnames: a name must not contain a colon (dev_valid_name() in net/core/dev.c),
// an altname may.
bool IsInterfaceName(const std::string& name) {
  const auto forbidden = [](char c) {
    return c == '/' || static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
  };
  return name.size() <= kMaxName && name != "." && name != ".." &&
         std::ranges::none_of(name, forbidden);
}

std::string ReadNetif(Reader& reader) {
  std::string netif =
      reader.Require("NETIF", "the name of the NIC under test, as ip link shows it");
  if (!IsInterfaceName(netif)) reader.Wrong("NETIF", "is not a valid interface name");
  return netif;
}

std::optional<AddressPair> ReadPair(Reader& reader, const std::string& version, int family) {
  const std::string local_key = "LOCAL_V" + version;
  const std::string remote_key = "REMOTE_V" + version;
  AddressPair pair = {.local = reader.Get(local_key), .remote = reader.Get(remote_key)};
  if (pair.local.empty() && pair.remote.empty()) return std::nullopt;

  bool good = true;
  for (const auto& [key, address] :
       {std::pair(local_key, pair.local), std::pair(remote_key, pair.remote)}) {
    if (address.empty()) {
      reader.Missing(key, "an address of one end needs one of the other end");
      good = false;
    } else if (const auto problem = AddressProblem(address, family)) {
      reader.Wrong(key, *problem);
      good = false;
    }
  }
  if (good && SameAddress(pair.local, pair.remote, family)) {
    reader.Wrong(remote_key, "is also the local address");
  }
  return pair;
}

uint16_t ReadPort(Reader& reader) {
  const std::string text = reader.Get("ZCRX_PORT");
  if (text.empty()) return 0;
  const uint16_t port = ParseNumber<uint16_t>(text).value_or(0);
  if (port == 0) reader.Wrong("ZCRX_PORT", "is not a TCP port (1 to 65535)");
  return port;
}

// Returns nullopt if the key is not set.
std::optional<std::chrono::seconds> ReadSeconds(Reader& reader, const char* key, int least) {
  const std::string text = reader.Get(key);
  if (text.empty()) return std::nullopt;
  const auto seconds = ParseWait(text);
  if (seconds && seconds->count() >= least) return seconds;
  reader.Wrong(key,
               fmt::format("is not a number of seconds ({} to {})", least, kLongestWait.count()));
  return std::nullopt;
}

// As the kernel's selftests read it (ksft_setup() in net/lib/py/ksft.py).
bool ReadBool(Reader& reader, const char* key, bool otherwise) {
  std::string text = reader.Get(key);
  if (text.empty()) return otherwise;
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (text == "yes" || text == "true") return true;
  if (text == "no" || text == "false") return false;
  const auto number = ParseNumber<int>(text);
  if (!number) reader.Wrong(key, "is not yes, no, true, false or a number");
  return number.value_or(0) != 0;
}

void CheckPaths(Reader& reader, const Config& config) {
  for (const auto& [key, path] : {std::pair("ZCRX_SSH_IDENTITY", config.ssh_identity),
                                  std::pair("ZCRX_SSH_KNOWN_HOSTS", config.ssh_known_hosts),
                                  std::pair("ZCRX_SSH_CONFIG", config.ssh_config),
                                  std::pair("ZCRX_SENDER", reader.Get("ZCRX_SENDER"))}) {
    if (!path.empty() && ::access(path.c_str(), R_OK) != 0) {
      reader.Wrong(key, fmt::format("cannot be read: {}", strerrordesc_np(errno)));
    }
  }
  if (!config.remote_dir.starts_with('/')) {
    reader.Wrong("ZCRX_REMOTE_DIR", "is not an absolute path");
  }
}

SshTarget ReadRemote(Reader& reader) {
  const std::string type = reader.Require("REMOTE_TYPE", "set it to ssh");
  if (type == "netns") {
    reader.Wrong("REMOTE_TYPE",
                 "is not supported: a peer in a namespace of the same machine can be reached "
                 "without the cable, and the tests are about the NIC; use ssh");
  } else if (!type.empty() && type != "ssh") {
    reader.Wrong("REMOTE_TYPE", "is not supported; use ssh");
  }
  const std::string args = reader.Require("REMOTE_ARGS", "the peer's login, [user@]host[:port]");
  if (args.empty()) return {};
  Result<SshTarget> target = ParseSshTarget(args);
  if (!target.has_value()) {
    reader.Wrong("REMOTE_ARGS", "is not an SSH login: " + target.error().detail);
    return {};
  }
  return *std::move(target);
}

void ReadNicAndPeer(Reader& reader, Config& config) {
  config.netif = ReadNetif(reader);
  config.v4 = ReadPair(reader, "4", AF_INET);
  config.v6 = ReadPair(reader, "6", AF_INET6);
  if (!config.v4 && !config.v6) {
    reader.Missing("LOCAL_V4 and REMOTE_V4, or LOCAL_V6 and REMOTE_V6",
                   "the addresses of the NIC and the peer on the cable between them");
  }
  config.remote = ReadRemote(reader);
}

// Separated by commas or blanks.
std::set<std::string> Words(std::string_view list) {
  constexpr std::string_view kSeparators = ", \t";
  std::set<std::string> words;
  for (size_t start = list.find_first_not_of(kSeparators); start != list.npos;
       start = list.find_first_not_of(kSeparators)) {
    list.remove_prefix(start);
    const size_t end = std::min(list.find_first_of(kSeparators), list.size());
    words.emplace(list.substr(0, end));
    list.remove_prefix(end);
  }
  return words;
}

// Returns the path of another program of ours: it stands beside this one, or once installed where
// programs are that nobody calls by hand.
std::string ProgramOfOurs(const char* name) {
  std::error_code error;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  if (std::filesystem::exists(here / name, error)) return here / name;
  const auto installed = (here / ZCRX_LIBEXEC / name).lexically_normal();
  return std::filesystem::exists(installed, error) ? installed : here / name;
}

// Returns whether a key says how to run tests, not what on.
bool IsOfAnyRun(std::string_view key) {
  return key == "ZCRX_WAIT" || key == "DISRUPTIVE" || key == "KSFT_MACHINE_SLOW";
}

}  // namespace

std::span<const ConfigKey> ConfigKeys() { return kKeys; }

KeyValues ConfigFromEnvironment() {
  KeyValues values;
  for (const ConfigKey& known : kKeys) {
    if (const char* value = std::getenv(std::string(known.key).c_str()))
      values.emplace_back(known.key, value);
  }
  return values;
}

std::optional<std::chrono::seconds> ParseWait(std::string_view text) {
  const auto seconds = ParseNumber<uint32_t>(text);
  if (!seconds || *seconds > kLongestWait.count()) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

Result<Config> LoadConfig(const ConfigSources& sources) {
  Reader reader(sources);
  Config config;
  if (sources.needs_nic) ReadNicAndPeer(reader, config);
  config.port = ReadPort(reader);
  config.wait = ReadSeconds(reader, "ZCRX_WAIT", 0).value_or(std::chrono::seconds(0));
  config.ssh_timeout = ReadSeconds(reader, "ZCRX_SSH_TIMEOUT", 1);
  const auto value_or = [&](const char* key, const std::string& otherwise) {
    const std::string value = reader.Get(key);
    return value.empty() ? otherwise : value;
  };
  config.sender = value_or("ZCRX_SENDER", ProgramOfOurs("zcrx_sender"));
  config.guardian = ProgramOfOurs("zcrx_nic");
  config.ssh_identity = reader.Get("ZCRX_SSH_IDENTITY");
  config.ssh_known_hosts = reader.Get("ZCRX_SSH_KNOWN_HOSTS");
  config.ssh_config = reader.Get("ZCRX_SSH_CONFIG");
  config.remote_dir = value_or("ZCRX_REMOTE_DIR", "/tmp");
  config.promised = Words(reader.Get("ZCRX_PROMISED"));
  config.disruptive = ReadBool(reader, "DISRUPTIVE", true);
  config.machine_slow = ReadBool(reader, "KSFT_MACHINE_SLOW", false);
  CheckPaths(reader, config);

  if (reader.Problems().empty()) return config;
  std::string detail;
  for (const std::string& problem : reader.Problems()) detail += "\n  " + problem;
  return Fail("read the configuration (flags, environment, net.config)", 0, std::move(detail));
}

bool ConfiguresNic(const ConfigSources& sources) {
  const Reader reader(sources);
  return !reader.Problems().empty() || std::ranges::any_of(kKeys, [&](const ConfigKey& key) {
    return !IsOfAnyRun(key.key) && !reader.Get(std::string(key.key)).empty();
  });
}

Result<std::string> LoadNetif(const ConfigSources& sources) {
  Reader reader(sources);
  std::string netif = ReadNetif(reader);
  if (reader.Problems().empty()) return netif;
  return Fail("read the configuration (flags, environment, net.config)", 0,
              reader.Problems().front());
}

}  // namespace zcrx
