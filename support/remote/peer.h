// The peer: the machine at the other end of the cable, which runs programs for the tests.
//
// Tests use only these interfaces. SshPeer (ssh_peer.h) implements them; a fake takes a few lines.
// Not thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"

namespace zcrx {

// The exit of a program on the peer.
struct PeerExit {
  int status = 0;           // exit status; undefined if `signal` is set
  std::string signal = {};  // "KILL", "SEGV" (RFC 4254, 6.10: without "SIG"); empty: it exited
  [[nodiscard]] bool Success() const { return signal.empty() && status == 0; }
  // "ended with status 1", "was killed by SIGKILL"
  [[nodiscard]] std::string Text() const;
};

// Period of the signs of life to a program that must exit within three seconds of ours.
inline constexpr std::chrono::milliseconds kSignOfLife{500};

// A program running on the peer. Destroying it closes its stdin and the channel. Programs must exit
// when their stdin closes, because sshd leaves them running otherwise.
class PeerProcess {
 public:
  PeerProcess() = default;
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;
  virtual ~PeerProcess() = default;

  // Returns the next line of stdout without the newline (a last line may lack one), or nullopt at
  // the end. ETIMEDOUT leaves process and connection as they are.
  virtual Result<std::optional<std::string>> ReadLine(Deadline deadline) = 0;
  // Sends a byte to the program's stdin every `period` until stdin is closed, whatever this thread
  // does meanwhile. A program that misses them knows that its caller or the connection is gone;
  // after a sudden loss, nothing else tells it.
  virtual Status KeepAlive(std::chrono::milliseconds period, Deadline deadline) = 0;
  virtual Status CloseStdin(Deadline deadline) = 0;
  // Waits until the program has exited and all its output has arrived. Further calls return the
  // same.
  virtual Result<PeerExit> Wait(Deadline deadline) = 0;
  // Returns the first 16 KiB of the stderr received so far.
  [[nodiscard]] virtual std::string Stderr() const = 0;
  // Returns the name for messages: "zcrx_sender on root@peer".
  [[nodiscard]] virtual std::string Name() const = 0;

  // Reads lines until one equals `line`. Errors contain what came instead, and stderr.
  Status WaitForLine(std::string_view line, Deadline deadline);
  // Calls Wait(). Fails on any exit status but 0, with stderr as detail.
  Status WaitForSuccess(Deadline deadline);
};

// A program copied to the peer, in a folder of its own, and running there. When this process ends,
// in whatever way, the program loses its stdin; once it has exited, the peer removes the folder.
// Destroying this object has the same effect; only Remove() can report that something was left
// behind.
class PeerFile {
 public:
  PeerFile() = default;
  PeerFile(const PeerFile&) = delete;
  PeerFile& operator=(const PeerFile&) = delete;
  virtual ~PeerFile() = default;

  [[nodiscard]] virtual const std::string& Path() const = 0;  // absolute, on the peer
  // Returns the running program. It must exit when its stdin closes.
  [[nodiscard]] virtual PeerProcess& Program() = 0;
  virtual Status Remove(Deadline deadline) = 0;
};

class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;

  // Starts argv[0] (a path, or a name in the peer's PATH) with exactly these arguments, whatever
  // bytes they contain. Fails with EINVAL if argv is empty, if the name starts with a dash, or on a
  // NUL byte.
  virtual Result<std::unique_ptr<PeerProcess>> Run(const std::vector<std::string>& argv,
                                                   Deadline deadline) = 0;
  // Copies a local program into a new folder on the peer, both accessible by the owner only (0700),
  // and starts it there with these arguments and its own path as the last one.
  virtual Result<std::unique_ptr<PeerFile>> Deploy(const std::string& local_path,
                                                   const std::vector<std::string>& arguments,
                                                   Deadline deadline) = 0;
  [[nodiscard]] virtual std::string Name() const = 0;  // "root@peer"
};

}  // namespace zcrx
