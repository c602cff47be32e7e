#include "support/remote/ssh_login.h"

#include <fmt/ranges.h>
#include <libssh/libssh.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "support/base/wait.h"
#include "support/remote/ssh_agent.h"

namespace zcrx {
namespace {

struct FreeKey {
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<ssh_key_struct, FreeKey>;

// A key file.
struct Identity {
  std::string path;
  Key private_key;  // null: see `problem`
  Key public_key;   // null: unknown
  std::string problem = {};
};

// Passphrase callback: the only way in libssh to learn that a key has a passphrase.
int NoPassphrase(const char* /*prompt*/, char* /*buffer*/, size_t /*length*/, int /*echo*/,
                 int /*verify*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

std::optional<Identity> Load(const std::string& path) {
  Identity identity{.path = path, .private_key = nullptr, .public_key = nullptr};
  ssh_key key = nullptr;
  bool asked = false;
  if (ssh_pki_import_privkey_file(path.c_str(), nullptr, &NoPassphrase, &asked, &key) == SSH_OK) {
    identity.private_key.reset(key);
    key = nullptr;
    if (ssh_pki_export_privkey_to_pubkey(identity.private_key.get(), &key) == SSH_OK) {
      identity.public_key.reset(key);
    }
    return identity;
  }
  identity.problem = asked ? "has a passphrase" : "cannot be read as a private key";
  // A private key in OpenSSH's own format contains the public key in clear text.
  for (const std::string& place : {path + ".pub", path}) {
    if (ssh_pki_import_pubkey_file(place.c_str(), &key) != SSH_OK) continue;
    identity.public_key.reset(key);
    return identity;
  }
  return ::access(path.c_str(), F_OK) == 0 ? std::optional(std::move(identity)) : std::nullopt;
}

// RFC 4648, 4.
std::string Base64(const std::string& bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = i; j < i + 3; ++j) {
      group = group << 8 | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0);
    }
    for (size_t j = 0; j < 4; ++j) {
      text += i + j > bytes.size() ? '=' : kDigits[group >> (18 - 6 * j) & 63];
    }
  }
  return text;
}

bool KnownType(const SshAgent::Key& key) {
  constexpr size_t kLength = 4;  // length field in front of the type
  const std::string type = key.blob.substr(std::min(kLength, key.blob.size()));
  for (const auto known :
       {SSH_KEYTYPE_RSA, SSH_KEYTYPE_ED25519, SSH_KEYTYPE_ECDSA_P256, SSH_KEYTYPE_ECDSA_P384,
        SSH_KEYTYPE_ECDSA_P521, SSH_KEYTYPE_SK_ED25519, SSH_KEYTYPE_SK_ECDSA}) {
    if (type.starts_with(ssh_key_type_to_char(known))) return true;
  }
  return false;
}

bool IsKeyOf(const SshAgent::Key& key, const Identity& identity) {
  char* text = nullptr;
  if (identity.public_key == nullptr ||
      ssh_pki_export_pubkey_base64(identity.public_key.get(), &text) != SSH_OK) {
    return false;
  }
  const bool same = Base64(key.blob) == text;
  ssh_string_free_char(text);
  return same;
}

class Login {
 public:
  Login(SshSession& session, const SshConfig& config, const std::string& identity,
        Deadline deadline)
      : session_(session),
        config_(config),
        identity_(identity),
        deadline_(deadline),
        operation_("log in to " + session.Name()) {}

  Status Run() {
    ZCRX_ASSIGN_OR_RETURN(const int code, session_.Authenticate(operation_, deadline_, [this] {
      return ssh_userauth_none(session_.Get(), nullptr);
    }));
    if (code == SSH_AUTH_SUCCESS) return {};
    if (code == SSH_AUTH_ERROR) return session_.Failed(operation_);
    if ((ssh_userauth_list(session_.Get(), nullptr) &
         static_cast<int>(SSH_AUTH_METHOD_PUBLICKEY)) == 0) {
      return Fail(operation_, EACCES, "its sshd takes no keys, and this program has no password");
    }
    const std::vector<std::string> paths =
        identity_.empty() ? config_.identities : std::vector{identity_};
    for (const std::string& path : paths) {
      if (auto loaded = Load(path)) identities_.push_back(*std::move(loaded));
    }
    if (!identity_.empty() && (identities_.empty() || (!identities_.front().private_key &&
                                                       !identities_.front().public_key))) {
      return Fail(operation_, EACCES, fmt::format("{} is not a readable private key", identity_));
    }
    ZCRX_ASSIGN_OR_RETURN(bool in, OfferFiles());
    if (in) return {};
    ZCRX_ASSIGN_OR_RETURN(in, OfferAgent());
    if (in) return {};
    return Refused();
  }

 private:
  // Returns whether the peer accepts one of these keys.
  Result<bool> Offer(const std::vector<std::string>& names, const std::function<int()>& call) {
    offered_.insert(offered_.end(), names.begin(), names.end());
    ZCRX_ASSIGN_OR_RETURN(const int code, session_.Authenticate(operation_, deadline_, call));
    if (code == SSH_AUTH_SUCCESS) return true;
    if (code == SSH_AUTH_PARTIAL) {
      return Fail(operation_, EACCES, "it took the key and asks for more; only keys are supported");
    }
    if (session_.Connected()) return false;
    return Fail(
        operation_, EACCES,
        fmt::format("it closed the connection ({}) before it had seen all {} keys ({}): "
                    "name the right one with --ssh-identity, or with IdentityFile for this "
                    "host in ~/.ssh/config",
                    ssh_get_error(session_.Get()), offered_.size(), fmt::join(offered_, ", ")));
  }

  Result<bool> OfferFiles() {
    for (const Identity& identity : identities_) {
      if (identity.private_key == nullptr) continue;
      ZCRX_ASSIGN_OR_RETURN(const bool in, Offer({identity.path}, [&] {
                              return ssh_userauth_publickey(session_.Get(), nullptr,
                                                            identity.private_key.get());
                            }));
      if (in) return true;
    }
    return false;
  }

  // Returns the agent's keys to offer, configured ones first. Leaves out keys already offered as a
  // file, and types that libssh does not know, which it would take for the end of the list.
  std::vector<SshAgent::Key> FromAgent(const SshAgent& agent) const {
    std::vector<SshAgent::Key> first;
    std::vector<SshAgent::Key> others;
    for (const SshAgent::Key& key : agent.Keys()) {
      if (!KnownType(key)) continue;
      const auto file = std::ranges::find_if(
          identities_, [&](const Identity& identity) { return IsKeyOf(key, identity); });
      if (file == identities_.end()) {
        others.push_back(key);
      } else if (file->private_key == nullptr) {
        first.push_back(key);
      }
    }
    if (identity_.empty() && !config_.identities_only) {
      first.insert(first.end(), others.begin(), others.end());
    }
    return first;
  }

  Result<bool> OfferAgent() {
    if (config_.agent.empty()) return false;
    auto agent = SshAgent::Connect(config_.agent, deadline_);
    if (!agent.has_value()) {
      if (deadline_.Expired()) {
        return Fail(operation_, agent.error().code,
                    agent.error().Text() + "; end it, or unset SSH_AUTH_SOCK");
      }
      no_agent_ = agent.error().Text();
      return false;
    }
    const SshSession::AlsoWatched watched(session_, (*agent)->Socket());
    if (ssh_set_agent_socket(session_.Get(), (*agent)->ReleaseSocket()) != SSH_OK) {
      return session_.Failed(operation_);
    }
    const std::vector<SshAgent::Key> keys = FromAgent(**agent);
    if (keys.empty()) return false;
    std::vector<std::string> names;
    names.reserve(keys.size());
    for (const SshAgent::Key& key : keys) names.push_back(key.comment + " of the ssh-agent");
    (*agent)->Show(keys);
    Result<bool> in = Offer(names, [this] { return ssh_userauth_agent(session_.Get(), nullptr); });
    if (!in.has_value() && (*agent)->Asked()) {
      return FailExpired(
          operation_, fmt::format("the ssh-agent at {} does not sign: does it wait for somebody?",
                                  config_.agent));
    }
    return in;
  }

  // Returns the error after all keys were refused.
  Status Refused() {
    std::vector<std::string> unusable;
    for (const Identity& identity : identities_) {
      if (identity.private_key != nullptr) continue;
      unusable.push_back(fmt::format("{} {}", identity.path, identity.problem));
      if (identity.public_key == nullptr) continue;
      ZCRX_ASSIGN_OR_RETURN(const int code, session_.Authenticate(operation_, deadline_, [&] {
        return ssh_userauth_try_publickey(session_.Get(), nullptr, identity.public_key.get());
      }));
      if (code == SSH_AUTH_SUCCESS) {
        return Fail(operation_, EACCES,
                    fmt::format("it would take {}, but that key {} and no ssh-agent has it: start "
                                "one and run ssh-add {}",
                                identity.path, identity.problem, identity.path));
      }
    }
    std::string detail = offered_.empty()
                             ? std::string("there is no key to offer")
                             : fmt::format("it accepted no key ({})", fmt::join(offered_, ", "));
    if (!unusable.empty()) {
      detail += fmt::format("; {}, and no ssh-agent has it", fmt::join(unusable, ", "));
    }
    if (!no_agent_.empty()) detail += "; " + no_agent_;
    return Fail(
        operation_, EACCES,
        detail + (offered_.empty() ? "; name one with --ssh-identity"
                                   : "; add the public key to the peer's ~/.ssh/authorized_keys"));
  }

  SshSession& session_;
  const SshConfig& config_;
  const std::string& identity_;
  Deadline deadline_;
  std::string operation_;
  std::vector<Identity> identities_;
  std::vector<std::string> offered_;
  std::string no_agent_;  // why the agent could not be used
};

}  // namespace

Status LogIn(SshSession& session, const SshConfig& config, const std::string& identity,
             Deadline deadline) {
  return Login(session, config, identity, deadline).Run();
}

}  // namespace zcrx
