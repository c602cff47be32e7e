// Some keys of an ssh-agent, in an order of ours. Inside support/remote only.
//
// libssh would offer all in the agent's own order, which the peer's MaxAuthTries cuts off, and
// waits for the agent without a limit. So it talks to us in the agent's place (IETF
// draft-miller-ssh-agent): it is told the keys shown, and what it wants signed goes to the agent.
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

  // Asks the agent at `path` for its keys. ECONNREFUSED, ENOENT: there is none.
  static Result<std::unique_ptr<SshAgent>> Connect(const std::string& path, Deadline deadline);
  SshAgent(const SshAgent&) = delete;
  SshAgent& operator=(const SshAgent&) = delete;
  ~SshAgent();

  [[nodiscard]] const std::vector<Key>& Keys() const { return keys_; }
  // From now on these are all there are for libssh. (Only once: it loses the memory of its former
  // answer.)
  void Show(const std::vector<Key>& keys);
  // For ssh_set_agent_socket(), once: libssh closes it.
  [[nodiscard]] int ReleaseSocket() { return theirs_.Release(); }
  // To be shut down where libssh waits for too long; valid as long as this is.
  [[nodiscard]] int Socket() const { return ours_.Get(); }
  // The agent has been asked for a signature and has not given it.
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
