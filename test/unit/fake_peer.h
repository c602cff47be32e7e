// A peer that runs nothing, and says what a test has told it to.
#pragma once

#include <cerrno>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/remote/peer.h"

namespace zcrx {

// What a program on it does.
struct FakeProgram {
  std::deque<std::string> lines = {};  // of its stdout
  std::optional<PeerExit> exit = {};   // absent: it runs until its stdin is closed
  std::string said = {};               // on its stderr
  std::optional<Error> cannot_start = {};
};

class FakeProcess : public PeerProcess {
 public:
  explicit FakeProcess(FakeProgram program) : program_(std::move(program)) {}

  Result<std::optional<std::string>> ReadLine(Deadline /*deadline*/) override {
    if (!program_.lines.empty()) {
      std::string line = std::move(program_.lines.front());
      program_.lines.pop_front();
      return line;
    }
    if (program_.exit) return std::nullopt;
    return Fail("read from " + Name(), ETIMEDOUT);
  }
  Status KeepAlive(std::chrono::milliseconds /*period*/, Deadline /*deadline*/) override {
    kept_alive = true;
    return {};
  }
  Status CloseStdin(Deadline /*deadline*/) override {
    if (!program_.exit) program_.exit = PeerExit{.status = 0, .signal = "TERM"};
    return {};
  }
  Result<PeerExit> Wait(Deadline /*deadline*/) override {
    if (program_.exit) return *program_.exit;
    return Fail("wait for " + Name(), ETIMEDOUT);
  }
  [[nodiscard]] std::string Stderr() const override { return program_.said; }
  [[nodiscard]] std::string Name() const override { return "program on fake"; }

  bool kept_alive = false;

 private:
  FakeProgram program_;
};

class FakeFile : public PeerFile {
 public:
  FakeFile(FakeProgram program, Status removed)
      : process_(std::move(program)), removed_(std::move(removed)) {}

  [[nodiscard]] const std::string& Path() const override { return path_; }
  [[nodiscard]] PeerProcess& Program() override { return process_; }
  Status Remove(Deadline /*deadline*/) override { return removed_; }

 private:
  std::string path_ = "/tmp/zcrx-fake/program";
  FakeProcess process_;
  Status removed_;
};

class FakePeer : public Peer {
 public:
  explicit FakePeer(FakeProgram program) : program_(std::move(program)) {}

  Result<std::unique_ptr<PeerProcess>> Run(const std::vector<std::string>& argv,
                                           Deadline /*deadline*/) override {
    asked = argv;
    if (program_.cannot_start) return std::unexpected(*program_.cannot_start);
    return std::make_unique<FakeProcess>(program_);
  }
  Result<std::unique_ptr<PeerFile>> Deploy(const std::string& local_path,
                                           const std::vector<std::string>& arguments,
                                           Deadline /*deadline*/) override {
    asked = {local_path};
    asked.insert(asked.end(), arguments.begin(), arguments.end());
    if (program_.cannot_start) return std::unexpected(*program_.cannot_start);
    return std::make_unique<FakeFile>(program_, removed);
  }
  [[nodiscard]] std::string Name() const override { return "fake"; }

  std::vector<std::string> asked;  // of Run() or Deploy(), the last time
  Status removed;                  // what a file's Remove() says

 private:
  FakeProgram program_;
};

}  // namespace zcrx
