#include "support/remote/host_key.h"

#include <fstream>
#include <memory>
#include <string>
#include <string_view>

namespace zcrx {
namespace {

std::string Option(ssh_session session, ssh_options_e option) {
  char* value = nullptr;
  if (ssh_options_get(session, option, &value) != SSH_OK) return {};
  std::string text = value;
  ssh_string_free_char(value);
  return text;
}

struct FreeKey {
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<ssh_key_struct, FreeKey>;

// "ssh-ed25519 SHA256:..."
std::string Describe(ssh_key key) {
  unsigned char* hash = nullptr;
  size_t length = 0;
  if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) != 0) return "unknown";
  char* const print = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, length);
  ssh_clean_pubkey_hash(&hash);
  std::string text = fmt::format("{} {}", ssh_key_type_to_char(ssh_key_type(key)),
                                 print != nullptr ? print : "unknown");
  ssh_string_free_char(print);
  return text;
}

// The first line of `path` with a key of this type for `host`; 0: none.
int FindLine(const std::string& path, const std::string& host, ssh_key key) {
  std::ifstream file(path);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    ssh_knownhosts_entry* entry = nullptr;
    if (ssh_known_hosts_parse_line(host.c_str(), line.c_str(), &entry) != SSH_OK) continue;
    const bool same_type = ssh_key_type(entry->publickey) == ssh_key_type(key);
    ssh_knownhosts_entry_free(entry);
    if (same_type) return number;
  }
  return 0;
}

// The line of `path` that revokes `key` for `host` (sshd(8): "@revoked", hosts, key); 0: none.
// libssh passes over such lines.
int FindRevocation(const std::string& path, const std::string& host, ssh_key key) {
  constexpr std::string_view kMarker = "@revoked";
  std::ifstream file(path);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (!line.starts_with(kMarker)) continue;
    const size_t rest = line.find_first_not_of(" \t", kMarker.size());
    ssh_knownhosts_entry* entry = nullptr;
    if (rest == std::string::npos ||
        ssh_known_hosts_parse_line(host.c_str(), line.c_str() + rest, &entry) != SSH_OK) {
      continue;
    }
    const bool same = ssh_key_cmp(entry->publickey, key, SSH_KEY_CMP_PUBLIC) == 0;
    ssh_knownhosts_entry_free(entry);
    if (same) return number;
  }
  return 0;
}

}  // namespace

Status CheckHostKey(ssh_session session) {
  const ssh_known_hosts_e state = ssh_session_is_known_server(session);
  ssh_key raw = nullptr;
  const std::string host = Option(session, SSH_OPTIONS_HOST);
  const std::string operation = "check the host key of " + host;
  if (state == SSH_KNOWN_HOSTS_ERROR || ssh_get_server_publickey(session, &raw) != SSH_OK) {
    return Fail(operation, EACCES, ssh_get_error(session));
  }
  const Key key(raw);
  unsigned port = 22;
  (void)ssh_options_get_port(session, &port);
  const std::string file = Option(session, SSH_OPTIONS_KNOWNHOSTS);
  const std::string system_file = Option(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS);
  const std::string entry = port == 22 ? host : fmt::format("[{}]:{}", host, port);

  // Also where another line lists it: a revocation wins.
  for (const std::string& place : {file, system_file}) {
    for (const std::string& name : {entry, host}) {
      if (const int line = FindRevocation(place, name, key.get()); line != 0) {
        return Fail(operation, EACCES,
                    fmt::format("{} is REVOKED by {}:{}: whoever has it is not to be trusted; the "
                                "machine needs a new key",
                                Describe(key.get()), place, line));
      }
    }
  }
  if (state == SSH_KNOWN_HOSTS_OK) return {};
  if (state == SSH_KNOWN_HOSTS_CHANGED) {
    std::string place = file;
    int line = FindLine(file, entry, key.get());
    if (line == 0) {
      line = FindLine(system_file, entry, key.get());
      if (line != 0) place = system_file;
    }
    if (line != 0) place += fmt::format(":{}", line);
    return Fail(operation, EACCES,
                fmt::format("it has CHANGED: the machine shows {}, {} says otherwise. If it was "
                            "installed anew, remove the old key (ssh-keygen -f {} -R '{}') and log "
                            "in once with ssh; if not, this may be another machine",
                            Describe(key.get()), place, file, entry));
  }
  const std::string reason = state == SSH_KNOWN_HOSTS_OTHER ? "known only with keys of another type"
                                                            : fmt::format("not in {}", file);
  return Fail(operation, EACCES,
              fmt::format("{} is {}. Log in once (ssh -p {} {}) as the user who runs this, or "
                          "compare the fingerprint and add it: ssh-keyscan -p {} {} >> {}",
                          Describe(key.get()), reason, port, host, port, host, file));
}

}  // namespace zcrx
