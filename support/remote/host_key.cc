#include "support/remote/host_key.h"

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <ranges>
#include <string_view>
#include <vector>

namespace zcrx {
namespace {

struct FreeKey {
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<ssh_key_struct, FreeKey>;

enum class Marker : uint8_t { kNone, kRevoked, kCertAuthority };

// A line of known_hosts about the peer.
struct Entry {
  std::string file;
  int line = 0;
  Marker marker = Marker::kNone;
  Key key;

  [[nodiscard]] std::string Place() const { return fmt::format("{}:{}", file, line); }
};

// Returns "ssh-ed25519 SHA256:...".
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

// Returns the peer's name in known_hosts.
std::string EntryName(const SshConfig& config) {
  if (!config.key_alias.empty()) return config.key_alias;
  return config.port == 22 ? config.host : fmt::format("[{}]:{}", config.host, config.port);
}

// Removes and returns the marker.
Marker TakeMarker(std::string& line) {
  for (const auto& [text, marker] : {std::pair("@revoked ", Marker::kRevoked),
                                     std::pair("@cert-authority ", Marker::kCertAuthority)}) {
    if (!line.starts_with(text)) continue;
    line.erase(0, std::string_view(text).size());
    return marker;
  }
  return Marker::kNone;
}

Key KeyFor(const std::string& name, const std::string& line) {
  ssh_knownhosts_entry* entry = nullptr;
  if (ssh_known_hosts_parse_line(name.c_str(), line.c_str(), &entry) != SSH_OK) return nullptr;
  Key key(std::exchange(entry->publickey, nullptr));
  ssh_knownhosts_entry_free(entry);
  return key;
}

std::vector<Entry> EntriesFor(const SshConfig& config) {
  const std::string name = EntryName(config);
  std::vector<Entry> entries;
  for (const std::string& path : config.known_hosts) {
    std::ifstream file(path);
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
      std::ranges::replace(line, '\t', ' ');
      line.erase(0, std::min(line.find_first_not_of(' '), line.size()));
      if (line.empty() || line.starts_with('#')) continue;
      const Marker marker = TakeMarker(line);
      line.erase(0, std::min(line.find_first_not_of(' '), line.size()));
      Key key = line.empty() ? nullptr : KeyFor(name, line);
      // A key is revoked for the machine, whatever the port.
      if (key == nullptr && marker != Marker::kNone && !line.empty())
        key = KeyFor(config.host, line);
      if (key == nullptr) continue;
      entries.push_back({.file = path, .line = number, .marker = marker, .key = std::move(key)});
    }
  }
  return entries;
}

}  // namespace

std::string HostKeyAlgorithms(const SshConfig& config) {
  const std::vector<Entry> entries = EntriesFor(config);
  const auto known = [&](std::string_view algorithm) {
    return std::ranges::any_of(entries, [&](const Entry& entry) {
      if (entry.marker != Marker::kNone) return false;
      const auto type = ssh_key_type(entry.key.get());
      if (type == SSH_KEYTYPE_RSA) return algorithm.starts_with("rsa-sha2-");
      return algorithm == ssh_key_type_to_char(type);
    });
  };
  const std::string wanted = config.host_key_algorithms.empty()
                                 ? "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
                                   "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256"
                                 : config.host_key_algorithms;
  std::string first;
  std::string rest;
  for (const auto part : wanted | std::views::split(',')) {
    const std::string_view algorithm(part);
    std::string& list = known(algorithm) ? first : rest;
    if (!list.empty()) list += ',';
    list += algorithm;
  }
  return first.empty() ? rest : first + (rest.empty() ? "" : ',' + rest);
}

Status CheckHostKey(ssh_session session, const SshConfig& config) {
  const std::string operation = "check the host key of " + config.host;
  ssh_key raw = nullptr;
  if (ssh_get_server_publickey(session, &raw) != SSH_OK) {
    return Fail(operation, EACCES, ssh_get_error(session));
  }
  const Key key(raw);
  const std::vector<Entry> entries = EntriesFor(config);
  const auto find = [&](auto condition) -> const Entry* {
    const auto found = std::ranges::find_if(entries, condition);
    return found == entries.end() ? nullptr : &*found;
  };
  const auto same = [&](const Entry& entry) {
    return ssh_key_cmp(entry.key.get(), key.get(), SSH_KEY_CMP_PUBLIC) == 0;
  };
  const auto plain = [](const Entry& entry) { return entry.marker == Marker::kNone; };

  // A revocation also wins if another line lists the key.
  if (const Entry* const revoked = find(
          [&](const Entry& entry) { return entry.marker == Marker::kRevoked && same(entry); })) {
    return Fail(operation, EACCES,
                fmt::format("{} is REVOKED by {}: whoever has it is not to be trusted; the machine "
                            "needs a new key",
                            Describe(key.get()), revoked->Place()));
  }
  if (find([&](const Entry& entry) { return plain(entry) && same(entry); }) != nullptr) return {};
  if (const Entry* const changed = find([&](const Entry& entry) {
        return plain(entry) && ssh_key_type(entry.key.get()) == ssh_key_type(key.get());
      })) {
    return Fail(
        operation, EACCES,
        fmt::format("it has CHANGED: the machine shows {}, {} says otherwise. If it was "
                    "installed anew, remove the old key (ssh-keygen -f {} -R '{}') and log "
                    "in once with ssh; if not, this may be another machine",
                    Describe(key.get()), changed->Place(), changed->file, EntryName(config)));
  }
  const std::string& file = config.known_hosts.front();
  const std::string scan =
      fmt::format("ssh-keyscan -p {} {} >> {}", config.port, config.host, file);
  const Entry* const authority =
      find([](const Entry& entry) { return entry.marker == Marker::kCertAuthority; });
  if (authority != nullptr && find(plain) == nullptr) {
    return Fail(operation, EACCES,
                fmt::format("{} has only a @cert-authority for it, and this program cannot check "
                            "certificates (libssh has none). The machine shows {}: compare the "
                            "fingerprint and add the key itself: {}",
                            authority->Place(), Describe(key.get()), scan));
  }
  return Fail(operation, EACCES,
              fmt::format("{} is {}. Log in once (ssh -p {} {}) as the user who runs this, or "
                          "compare the fingerprint and add it: {}",
                          Describe(key.get()),
                          find(plain) != nullptr ? "known only with keys of another type"
                                                 : fmt::format("not in {}", file),
                          config.port, config.host, scan));
}

}  // namespace zcrx
