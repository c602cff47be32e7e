#include "support/remote/target.h"

#include <algorithm>
#include <optional>

#include "support/base/numbers.h"

namespace zcrx {
namespace {

bool Blank(char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; }

// A shell runs the ProxyCommand of ~/.ssh/config, with host and user inserted (%h, %r). The rules
// are OpenSSH's, ssh.c: valid_hostname(), valid_ruser().
constexpr std::string_view kNotInUser = "'`\";&<>|(){}";
constexpr std::string_view kNotInHost = "'`\";&<>|(){}$\\";

std::unexpected<Error> Refuse(std::string reason) {
  return Fail("read the SSH target", EINVAL, std::move(reason));
}

std::optional<uint16_t> ParsePort(std::string_view text) {
  const auto port = ParseNumber<uint16_t>(text);
  return port.value_or(0) == 0 ? std::nullopt : port;
}

}  // namespace

Result<SshTarget> ParseSshTarget(std::string_view text) {
  if (text.empty()) return Refuse("it is empty; give [user@]host[:port]");
  if (std::ranges::any_of(text, Blank)) {
    return Refuse("it holds blanks or control characters; give [user@]host[:port] alone");
  }

  SshTarget target;
  // Split at the last '@', as ssh(1) does: a user name may contain one, a host name may not.
  if (const size_t at = text.rfind('@'); at != text.npos) {
    target.user = text.substr(0, at);
    text.remove_prefix(at + 1);
    if (target.user.empty()) return Refuse("there is no user before the @");
  }

  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == text.npos) return Refuse("the [ has no ]");
    target.host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    has_port = !text.empty();
    if (has_port && !text.starts_with(':')) return Refuse("after the ] only :port can follow");
    if (has_port) port = text.substr(1);
  } else if (std::ranges::count(text, ':') == 1) {
    const size_t colon = text.find(':');
    target.host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  } else {
    target.host = text;  // a name, or an IPv6 address without brackets
  }

  if (target.host.empty()) return Refuse("there is no host in it");
  if (target.host.starts_with('-') || target.user.starts_with('-')) {
    return Refuse("a user or host that starts with a dash would be taken for an option");
  }
  if (target.host.find_first_of("[]/") != target.host.npos) {
    return Refuse("a host holds no brackets or slashes");
  }
  if (target.host.find_first_of(kNotInHost) != target.host.npos ||
      target.user.find_first_of(kNotInUser) != target.user.npos || target.user.ends_with('\\')) {
    return Refuse("a user or host holds none of the characters that a shell could act on");
  }
  if (has_port) {
    const std::optional<uint16_t> number = ParsePort(port);
    if (!number) return Refuse("a port is a number from 1 to 65535");
    target.port = *number;
  }
  return target;
}

std::string ToString(const SshTarget& target) {
  const bool brackets = target.port != 0 && target.host.contains(':');
  std::string text = target.user.empty() ? "" : target.user + '@';
  text += brackets ? '[' + target.host + ']' : target.host;
  if (target.port != 0) text += fmt::format(":{}", target.port);
  return text;
}

}  // namespace zcrx
