#include "support/remote/ssh_agent.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "support/base/wait.h"

namespace zcrx {
namespace {

constexpr char kRequestIdentities = 11;  // SSH_AGENTC_REQUEST_IDENTITIES
constexpr char kIdentitiesAnswer = 12;   // SSH_AGENT_IDENTITIES_ANSWER
constexpr size_t kMaxMessage = 256UL * 1024;

std::string Number(size_t number) {
  const uint32_t big_endian = htonl(static_cast<uint32_t>(number));
  return {reinterpret_cast<const char*>(&big_endian), sizeof(big_endian)};
}
std::string Framed(const std::string& text) { return Number(text.size()) + text; }

// Remove and return a number or a string from the front.
std::optional<uint32_t> TakeNumber(std::string_view& text) {
  uint32_t number = 0;
  if (text.size() < sizeof(number)) return std::nullopt;
  std::memcpy(&number, text.data(), sizeof(number));
  text.remove_prefix(sizeof(number));
  return ntohl(number);
}
std::optional<std::string> TakeString(std::string_view& text) {
  const auto length = TakeNumber(text);
  if (!length || *length > text.size()) return std::nullopt;
  std::string string(text.substr(0, *length));
  text.remove_prefix(*length);
  return string;
}

std::optional<std::vector<SshAgent::Key>> ParseIdentities(std::string_view answer) {
  if (!answer.starts_with(kIdentitiesAnswer)) return std::nullopt;
  answer.remove_prefix(1);
  const auto count = TakeNumber(answer);
  if (!count) return std::nullopt;
  std::vector<SshAgent::Key> keys;
  for (uint32_t i = 0; i < *count; ++i) {
    auto blob = TakeString(answer);
    auto comment = TakeString(answer);
    if (!blob || !comment) return std::nullopt;
    keys.push_back({.blob = *std::move(blob), .comment = *std::move(comment)});
  }
  return keys;
}

// Blocking reads. ReadMessage() returns "" if the other end is gone or sends nonsense.
bool ReadAll(int fd, char* bytes, size_t length) {
  return ::recv(fd, bytes, length, MSG_WAITALL) == static_cast<ssize_t>(length);
}
std::string ReadMessage(int fd) {
  uint32_t length = 0;
  if (!ReadAll(fd, reinterpret_cast<char*>(&length), sizeof(length))) return {};
  length = ntohl(length);
  if (length == 0 || length > kMaxMessage) return {};
  std::string message(length, '\0');
  return ReadAll(fd, message.data(), length) ? message : std::string();
}
bool WriteMessage(int fd, const std::string& message) {
  std::string framed = Framed(message);
  while (!framed.empty()) {
    const ssize_t sent = ::send(fd, framed.data(), framed.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    framed.erase(0, static_cast<size_t>(sent));
  }
  return true;
}

Result<UniqueFd> Open(const std::string& operation, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return Fail(operation, ENAMETOOLONG);
  path.copy(address.sun_path, path.size());
  // Non-blocking: connect(2) waits forever for a UNIX socket whose queue is full.
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.Valid() ||
      ::connect(fd.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return FailErrno(operation);
  }
  return fd;
}

// Reads a message with a deadline, which blocking reads do not have.
Result<std::string> ReadMessage(const std::string& operation, int fd, Deadline deadline) {
  std::string text;
  while (true) {
    std::string_view rest = text;
    if (auto message = TakeString(rest)) return *std::move(message);
    if (text.size() > kMaxMessage) return Fail(operation, EMSGSIZE);
    pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
    ZCRX_ASSIGN_OR_RETURN(const bool in_time, PollUntil(operation, std::span(&wait, 1), deadline));
    if (!in_time) return FailExpired(operation, "it does not answer");
    std::string chunk(4096, '\0');
    const ssize_t got = ::recv(fd, chunk.data(), chunk.size(), 0);
    if (got < 0) return FailErrno(operation);
    if (got == 0) return Fail(operation, 0, "it closed the connection");
    text.append(chunk, 0, static_cast<size_t>(got));
  }
}

}  // namespace

Result<std::unique_ptr<SshAgent>> SshAgent::Connect(const std::string& path, Deadline deadline) {
  const std::string operation = "ask the ssh-agent at " + path + " for its keys";
  ZCRX_ASSIGN_OR_RETURN(UniqueFd agent, Open(operation, path));
  if (!WriteMessage(agent.Get(), {kRequestIdentities})) return FailErrno(operation);
  ZCRX_ASSIGN_OR_RETURN(const std::string answer, ReadMessage(operation, agent.Get(), deadline));
  auto keys = ParseIdentities(answer);
  if (!keys) return Fail(operation, 0, "its answer is not one of an ssh-agent");
  const int flags = ::fcntl(agent.Get(), F_GETFL);
  if (flags < 0 || ::fcntl(agent.Get(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
    return FailErrno(operation);
  }
  std::unique_ptr<SshAgent> made(new SshAgent(std::move(agent), *std::move(keys)));
  std::array<int, 2> ends = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return FailErrno("make a socket pair");
  }
  made->ours_.Reset(ends[0]);
  made->theirs_.Reset(ends[1]);
  made->thread_ = std::thread([agent = made.get()] { agent->Serve(); });
  return made;
}

SshAgent::SshAgent(UniqueFd agent, std::vector<Key> keys)
    : agent_(std::move(agent)), keys_(std::move(keys)) {}

SshAgent::~SshAgent() {
  ::shutdown(ours_.Get(), SHUT_RDWR);
  ::shutdown(agent_.Get(), SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
}

void SshAgent::Show(const std::vector<Key>& keys) {
  const std::lock_guard lock(mutex_);
  shown_ = kIdentitiesAnswer + Number(keys.size());
  for (const Key& key : keys) shown_ += Framed(key.blob) + Framed(key.comment);
}

void SshAgent::Serve() {
  while (true) {
    const std::string request = ReadMessage(ours_.Get());
    if (request.empty()) break;
    std::string answer;
    if (request.front() == kRequestIdentities) {
      const std::lock_guard lock(mutex_);
      answer = shown_;
    } else {
      asked_ = true;
      if (!WriteMessage(agent_.Get(), request)) break;
      answer = ReadMessage(agent_.Get());
      if (answer.empty()) break;
      asked_ = false;
    }
    if (!WriteMessage(ours_.Get(), answer)) break;
  }
  ::shutdown(ours_.Get(), SHUT_RDWR);
}

}  // namespace zcrx
