// A real sshd for the tests of support/remote, on loopback, for the user who runs them.
//
// Each connection gets an `sshd -i` of its own from a listener inside the test: no port is chosen,
// lost and bound again, and nothing outlives the test. The sshd is $ZCRX_SSHD or the system's.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

// Runs a program to its end; whether it succeeded.
bool RunToEnd(std::vector<std::string> words);

// A fresh folder, removed with all it holds.
class ScratchFolder {
 public:
  ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder();
  [[nodiscard]] const std::filesystem::path& Path() const { return path_; }
  // Writes a file into it; its path.
  std::string Write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

class LocalSshd {
 public:
  // An error means that there is none to be had here, and is what a skip shows.
  static Result<std::unique_ptr<LocalSshd>> Start(const std::string& extra_config = {});
  LocalSshd(const LocalSshd&) = delete;
  LocalSshd& operator=(const LocalSshd&) = delete;
  ~LocalSshd();

  [[nodiscard]] uint16_t Port() const { return port_; }
  [[nodiscard]] const ScratchFolder& Folder() const { return folder_; }
  [[nodiscard]] std::string Identity() const { return folder_.Path() / "user_key"; }
  [[nodiscard]] std::string KnownHosts() const { return folder_.Path() / "known_hosts"; }
  [[nodiscard]] std::string Log() const;
  // Makes a key pair NAME, NAME.pub in the folder; the private key's path.
  [[nodiscard]] std::string MakeKey(const std::string& name) const;
  // From the next connection on it has this host key too.
  void AddHostKey(const std::string& path) const;
  // Stops every server process (SIGSTOP), so that connections stay open and nothing answers.
  void Freeze();

 private:
  LocalSshd() = default;
  void Serve();
  pid_t Spawn(int connection) const;

  ScratchFolder folder_;
  std::string sshd_;
  std::string config_;
  UniqueFd listener_;
  uint16_t port_ = 0;
  std::mutex mutex_;
  std::vector<pid_t> children_;
  std::thread thread_;
};

// A socket bound to a loopback port, and that port. Without listen(2) connections are refused.
struct LoopbackSocket {
  UniqueFd fd;
  uint16_t port = 0;
};
LoopbackSocket BindLoopback();

}  // namespace zcrx
