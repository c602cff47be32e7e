// The other end of the cable: a machine that runs programs for the tests.
//
// Tests see these interfaces only. SshPeer (ssh_peer.h) is the real one; a fake needs a few lines.
// Not safe to share between threads.
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

// How a program on the peer ended.
struct PeerExit {
  int status = 0;           // exit status; no meaning where `signal` is set
  std::string signal = {};  // "KILL", "SEGV" (RFC 4254, 6.10: no "SIG"); empty: it ended by itself
  [[nodiscard]] bool Success() const { return signal.empty() && status == 0; }
  // "ended with status 1", "was killed by SIGKILL"
  [[nodiscard]] std::string Text() const;
};

// How often a program hears from us that has to end within three seconds of our end.
inline constexpr std::chrono::milliseconds kSignOfLife{500};

// A program running on the peer. Destroying it closes its stdin and the channel: the programs we
// start end themselves when their stdin closes, because sshd leaves them running otherwise.
class PeerProcess {
 public:
  PeerProcess() = default;
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;
  virtual ~PeerProcess() = default;

  // The next line of its stdout without the newline (a last line may lack one); nullopt: no more.
  // ETIMEDOUT: the process lives on, and so does the connection.
  virtual Result<std::optional<std::string>> ReadLine(Deadline deadline) = 0;
  // From now on a byte comes on its stdin every `period`, whatever this thread does, until it is
  // closed. A program that misses them can tell that we, or the way to us, are no more: where that
  // is sudden, nothing else tells it.
  virtual Status KeepAlive(std::chrono::milliseconds period, Deadline deadline) = 0;
  virtual Status CloseStdin(Deadline deadline) = 0;
  // Until it has ended and all it wrote has arrived. Asking again gives the same answer.
  virtual Result<PeerExit> Wait(Deadline deadline) = 0;
  // What has arrived of its stderr so far, the first 16 KiB.
  [[nodiscard]] virtual std::string Stderr() const = 0;
  // For messages: "zcrx_sender on root@peer".
  [[nodiscard]] virtual std::string Name() const = 0;

  // Reads lines until one equals `line`. An error tells what came instead, and its stderr.
  Status WaitForLine(std::string_view line, Deadline deadline);
  // Wait(), and anything but exit status 0 is an error with its stderr as detail.
  Status WaitForSuccess(Deadline deadline);
};

// A program put on the peer, in a folder of its own. Once we are no more, however we went, it loses
// its stdin, and when it has ended the peer removes the folder. Destroying it does the same; only
// Remove() can say that something stayed behind.
class PeerFile {
 public:
  PeerFile() = default;
  PeerFile(const PeerFile&) = delete;
  PeerFile& operator=(const PeerFile&) = delete;
  virtual ~PeerFile() = default;

  [[nodiscard]] virtual const std::string& Path() const = 0;  // absolute, on the peer
  // The program at work. It has to end when its stdin closes.
  [[nodiscard]] virtual PeerProcess& Program() = 0;
  virtual Status Remove(Deadline deadline) = 0;
};

class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;

  // Starts argv[0] (a path, or a name for the peer's PATH) with exactly these arguments, whatever
  // bytes they hold. EINVAL: no program, or one whose name starts with a dash; a NUL byte.
  virtual Result<std::unique_ptr<PeerProcess>> Run(const std::vector<std::string>& argv,
                                                   Deadline deadline) = 0;
  // Copies a local program into a fresh folder on the peer, both for its owner only (0700), and
  // starts it there with these arguments and, as the last, its own path.
  virtual Result<std::unique_ptr<PeerFile>> Deploy(const std::string& local_path,
                                                   const std::vector<std::string>& arguments,
                                                   Deadline deadline) = 0;
  [[nodiscard]] virtual std::string Name() const = 0;  // "root@peer"
};

}  // namespace zcrx
