// Shows libssh selected keys of an ssh-agent, in a chosen order. For use inside support/remote.
//
// libssh would offer all keys in the agent's own order, which the peer's MaxAuthTries cuts off, and
// waits for the agent without a limit. So this class takes the agent's place (IETF
// draft-miller-ssh-agent): it answers libssh with the keys shown, and forwards signature requests
// to the agent.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

class SshAgent {
 public:
  struct Key {
    std::string blob;  // RFC 4253, 6.6: begins with its type
    std::string comment;
  };

  // Requests the keys of the agent at `path`. Fails with ECONNREFUSED or ENOENT if there is no
  // agent.
  static Result<std::unique_ptr<SshAgent>> Connect(const std::string& path, Deadline deadline);
  SshAgent(const SshAgent&) = delete;
  SshAgent& operator=(const SshAgent&) = delete;
  ~SshAgent();

  [[nodiscard]] const std::vector<Key>& Keys() const { return keys_; }
  // Makes these the only keys that libssh sees from now on. Call only once: libssh leaks its
  // previous answer.
  void Show(const std::vector<Key>& keys);
  // Returns the socket for ssh_set_agent_socket(), once; libssh closes it.
  [[nodiscard]] int ReleaseSocket() { return theirs_.Release(); }
  // Returns the socket to shut down if libssh waits too long. Valid as long as this object.
  [[nodiscard]] int Socket() const { return ours_.Get(); }
  // Returns whether a signature was requested that the agent has not returned yet.
  [[nodiscard]] bool Asked() const { return asked_; }

 private:
  SshAgent(UniqueFd agent, std::vector<Key> keys);
  void Serve();

  UniqueFd agent_;
  std::vector<Key> keys_;
  UniqueFd ours_;
  UniqueFd theirs_;
  std::mutex mutex_;
  std::string shown_;  // an answer
  std::atomic<bool> asked_ = false;
  std::thread thread_;
};

}  // namespace zcrx
