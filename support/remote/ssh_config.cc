#include "support/remote/ssh_config.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include "support/base/numbers.h"
#include "support/base/unique_fd.h"
#include "support/base/wait.h"
#include "support/remote/shell_command.h"

namespace zcrx {
namespace {

struct Output {
  int status = 0;  // as from waitpid(2)
  std::string out;
  std::string errors;
};

struct Pipe {
  UniqueFd read;
  UniqueFd write;
  bool Open() {
    std::array<int, 2> ends = {-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read.Reset(ends[0]);
    write.Reset(ends[1]);
    return true;
  }
};

Status ReadBoth(const std::string& operation, Pipe& out, Pipe& errors, Output& output,
                Deadline deadline) {
  std::array<pollfd, 2> waits = {{{.fd = out.read.Get(), .events = POLLIN, .revents = 0},
                                  {.fd = errors.read.Get(), .events = POLLIN, .revents = 0}}};
  while (waits[0].fd >= 0 || waits[1].fd >= 0) {
    ZCRX_ASSIGN_OR_RETURN(const bool in_time, PollUntil(operation, waits, deadline));
    if (!in_time) return FailExpired(operation, "ssh(1) does not end");
    for (size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].revents == 0) continue;
      std::array<char, 4096> chunk;
      const ssize_t got = ::read(waits[i].fd, chunk.data(), chunk.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        waits[i].fd = -1;  // ignored by poll(2)
        continue;
      }
      (i == 0 ? output.out : output.errors).append(chunk.data(), static_cast<size_t>(got));
    }
  }
  return {};
}

Result<Output> Run(const std::string& operation, std::vector<std::string> words,
                   Deadline deadline) {
  Pipe out;
  Pipe errors;
  if (!out.Open() || !errors.Open()) return FailErrno(operation + ": pipe");
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out.write.Get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, errors.write.Get(), STDERR_FILENO);
  pid_t child = 0;
  const int code = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0) return Fail(operation, code, "is ssh(1) installed (openssh-client)?");
  out.write.Reset();
  errors.write.Reset();

  Output output;
  Status read = ReadBoth(operation, out, errors, output, deadline);
  if (!read.has_value()) ::kill(child, SIGKILL);
  while (::waitpid(child, &output.status, 0) < 0 && errno == EINTR) {
  }
  if (!read.has_value()) return std::unexpected(std::move(read).error());
  return output;
}

struct User {
  std::string name;
  std::string home;
};

User Myself() {
  const passwd* const entry = ::getpwuid(::getuid());
  return entry == nullptr ? User{} : User{.name = entry->pw_name, .home = entry->pw_dir};
}

// Expands those tokens of paths and proxy commands that have a value before the connection exists
// (ssh_config(5), TOKENS).
std::string Expand(std::string_view text, const SshConfig& config, const std::string& name) {
  const User me = Myself();
  std::string expanded;
  if (text.starts_with("~/")) {
    expanded = me.home;
    text.remove_prefix(1);
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 1 == text.size()) {
      expanded += text[i];
      continue;
    }
    switch (text[++i]) {
      case '%':
        expanded += '%';
        break;
      case 'd':
        expanded += me.home;
        break;
      case 'h':
        expanded += config.host;
        break;
      case 'i':
        expanded += std::to_string(::getuid());
        break;
      case 'k':
        expanded += config.key_alias.empty() ? name : config.key_alias;
        break;
      case 'n':
        expanded += name;
        break;
      case 'p':
        expanded += std::to_string(config.port);
        break;
      case 'r':
        expanded += config.user;
        break;
      case 'u':
        expanded += me.name;
        break;
      default:
        expanded += {'%', text[i]};
        break;
    }
  }
  return expanded;
}

// Returns the proxy command for a list of jumps, as ssh(1) does (ssh.c): the last jump forwards,
// reached through those before it.
std::string ProxyOfJumps(std::string_view jumps, const std::string& file) {
  const size_t comma = jumps.rfind(',');
  const std::string before(comma == jumps.npos ? "" : jumps.substr(0, comma));
  std::string last(comma == jumps.npos ? jumps : jumps.substr(comma + 1));
  if (!last.contains("://")) last.insert(0, "ssh://");
  std::string command = "ssh";
  if (!file.empty()) command += " -F " + ShellQuote(file);
  if (!before.empty()) command += " -J " + ShellQuote(before);
  return command + " -W '[%h]:%p' " + ShellQuote(last);
}

std::vector<std::string> Words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// Parses the output of `ssh -G`: a lower-case keyword and its value per line.
SshConfig Parse(const std::string& text, const std::string& name, const std::string& file,
                SshConfig config) {
  std::vector<std::string> identities;
  std::vector<std::string> user_hosts;
  std::vector<std::string> system_hosts;
  std::string jumps;
  std::string proxy;
  std::string agent;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t blank = std::min(line.find(' '), line.size());
    const std::string key = line.substr(0, blank);
    const std::string value = line.substr(std::min(blank + 1, line.size()));
    if (key == "hostname") config.host = value;
    if (key == "user") config.user = value;
    if (key == "port") config.port = ParseNumber<uint16_t>(value).value_or(config.port);
    if (key == "identityfile") identities.push_back(value);
    if (key == "identitiesonly") config.identities_only = value == "yes";
    if (key == "identityagent") agent = value;
    if (key == "userknownhostsfile") user_hosts = Words(value);
    if (key == "globalknownhostsfile") system_hosts = Words(value);
    if (key == "hostkeyalias") config.key_alias = value;
    if (key == "proxyjump") jumps = value;
    if (key == "proxycommand") proxy = value;
    if (key == "connecttimeout") {
      if (const auto seconds = ParseNumber<int>(value); seconds.value_or(0) > 0) {
        config.connect_timeout = std::chrono::seconds(*seconds);
      }
    }
    if (key == "ciphers") config.ciphers = value;
    if (key == "macs") config.macs = value;
    if (key == "kexalgorithms") config.key_exchange = value;
    if (key == "hostkeyalgorithms") config.host_key_algorithms = value;
    if (key == "pubkeyacceptedalgorithms") config.accepted_algorithms = value;
    if (key == "compression") config.compression = value;
  }
  if (!jumps.empty() && jumps != "none") proxy = ProxyOfJumps(jumps, file);
  if (proxy != "none") config.proxy_command = Expand(proxy, config, name);
  if (agent == "none") {
    config.agent.clear();
  } else if (agent.starts_with('$')) {
    const char* const value = std::getenv(agent.c_str() + 1);
    config.agent = value == nullptr ? "" : value;
  } else if (!agent.empty() && agent != "SSH_AUTH_SOCK") {
    config.agent = Expand(agent, config, name);
  }
  const auto expanded = [&](std::vector<std::string> paths) {
    for (std::string& path : paths) path = Expand(path, config, name);
    return paths;
  };
  if (!identities.empty()) config.identities = expanded(identities);
  if (!user_hosts.empty()) config.known_hosts = expanded(user_hosts);
  for (std::string& path : system_hosts) config.known_hosts.push_back(std::move(path));
  return config;
}

bool AnyFile(const SshOptions& options) {
  if (!options.config.empty()) return true;
  const std::array<std::string, 3> files = {Myself().home + "/.ssh/config", "/etc/ssh/ssh_config",
                                            "/usr/etc/ssh/ssh_config"};
  // A file that cannot be accessed may exist: let ssh(1) report that.
  return std::ranges::any_of(files, [](const std::string& file) {
    return ::access(file.c_str(), F_OK) == 0 || errno != ENOENT;
  });
}

// Returns ssh(1)'s configuration without any file (ssh_config(5) lists the defaults).
SshConfig Defaults(const SshTarget& target) {
  const User me = Myself();
  SshConfig config;
  config.host = target.host;
  if (target.port != 0) config.port = target.port;
  config.user = target.user.empty() ? me.name : target.user;
  for (const char* const key : {"id_rsa", "id_ecdsa", "id_ed25519"}) {
    config.identities.push_back(me.home + "/.ssh/" + key);
  }
  config.known_hosts = {me.home + "/.ssh/known_hosts", me.home + "/.ssh/known_hosts2",
                        "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"};
  const char* const agent = std::getenv("SSH_AUTH_SOCK");
  if (agent != nullptr) config.agent = agent;
  return config;
}

}  // namespace

Result<SshConfig> ReadSshConfig(const SshOptions& options, Deadline deadline) {
  const SshTarget& target = options.target;
  std::vector<std::string> words = {"ssh", "-G"};
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  };
  add("-F", options.config);
  add("-l", target.user);
  add("-p", target.port == 0 ? "" : std::to_string(target.port));
  words.insert(words.end(), {"--", target.host});
  const std::string operation = fmt::format("read the SSH configuration for {} ({})",
                                            ToString(target), fmt::join(words, " "));

  SshConfig config = Defaults(target);
  if (AnyFile(options)) {
    ZCRX_ASSIGN_OR_RETURN(Output ran, Run(operation, words, deadline));
    if (ran.status != 0) {
      while (ran.errors.ends_with('\n') || ran.errors.ends_with('\r')) ran.errors.pop_back();
      return Fail(operation, 0, ran.errors);
    }
    config = Parse(ran.out, target.host, options.config, std::move(config));
  }
  if (!options.known_hosts.empty()) config.known_hosts.front() = options.known_hosts;
  return config;
}

}  // namespace zcrx
