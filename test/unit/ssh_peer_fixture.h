// The fixture of the tests that log in to a real sshd.
#pragma once

#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "support/remote/ssh_peer.h"
#include "test/unit/local_sshd.h"

namespace zcrx {

inline constexpr std::chrono::seconds kSoon{20};  // never reached where things work

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::vector<std::string> Shell(const std::string& script) {
  return {"/bin/sh", "-c", script};
}

// A program for Deploy(): says what it is given, and ends with its stdin.
inline std::string Patient(size_t bytes = 0) {
  return "#!/bin/sh\nprintf 'ran %s\\n' \"$*\"\nexec cat >/dev/null\n# " + std::string(bytes, 'x') +
         '\n';
}

class SshPeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // As RunProgram(): what an sshd that refuses a login no longer reads is an error, not a death.
    std::signal(SIGPIPE, [](int) {});
    auto server = LocalSshd::Start();
    if (!server.has_value()) GTEST_SKIP() << server.error().Text();
    server_ = *std::move(server);
    empty_ = server_->Folder().Write("empty_config", "");
  }

  SshOptions Options() const {
    return {.target = {.user = ::getpwuid(::getuid())->pw_name,
                       .host = "127.0.0.1",
                       .port = server_->Port()},
            .identity = server_->Identity(),
            .known_hosts = server_->KnownHosts(),
            .config = empty_,
            .folder = server_->Folder().Path(),
            .timeout = kSoon};
  }
  static Result<std::unique_ptr<Peer>> Connect(const SshOptions& options) {
    return ConnectSshPeer(options);
  }
  // The folders that Deploy() made and that are still there.
  int FoldersLeft() const {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(server_->Folder().Path())) {
      if (entry.path().filename().string().starts_with("zcrx-")) ++count;
    }
    return count;
  }

  std::unique_ptr<LocalSshd> server_;
  std::string empty_;
};

}  // namespace zcrx
