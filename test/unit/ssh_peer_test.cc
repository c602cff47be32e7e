#include "support/remote/ssh_peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fixtures/result_matchers.h"
#include "test/unit/local_sshd.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr auto kSoon = 20s;  // never reached where things work
constexpr auto kShort = 300ms;

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> Shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

SshOptions Anywhere(const std::string& host, uint16_t port) {
  SshOptions options;
  options.target = {.user = "", .host = host, .port = port};
  return options;
}

class SshPeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
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
            .folder = server_->Folder().Path()};
  }
  static Result<std::unique_ptr<Peer>> Connect(const SshOptions& options) {
    return ConnectSshPeer(options, Deadline::In(kSoon));
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

TEST_F(SshPeerTest, RunsSeveralProgramsOverOneLogin) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  ASSERT_OK_AND_ASSIGN(auto first, peer->Run(Shell("echo READY; cat"), Deadline::In(kSoon)));
  ASSERT_OK_AND_ASSIGN(auto second, peer->Run(Shell("echo hello"), Deadline::In(kSoon)));
  EXPECT_OK(second->WaitForLine("hello", Deadline::In(kSoon)));
  EXPECT_OK(second->WaitForSuccess(Deadline::In(kSoon)));
  EXPECT_OK(first->WaitForLine("READY", Deadline::In(kSoon)));
  EXPECT_OK(first->CloseStdin(Deadline::In(kSoon)));
  EXPECT_OK(first->WaitForSuccess(Deadline::In(kSoon)));
}

TEST_F(SshPeerTest, ArgumentsArriveAsTheyAre) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  const std::vector<std::string> hostile = {
      "two words",   "it's",    "\"", "; exit 1", "$(exit 1)", "`id`", "$HOME",
      "line\nbreak", "-n",      "",   "*",        "~",         "\\",   "\xff\xfe",
      "'",           "a'\\''b", "!!", "#",        "\t"};
  std::vector<std::string> argv =
      Shell(R"(for a; do printf %s "$a" | od -An -v -tx1 | tr -d ' \n'; echo; done)");
  argv.emplace_back("sh");
  argv.insert(argv.end(), hostile.begin(), hostile.end());

  ASSERT_OK_AND_ASSIGN(auto process, peer->Run(argv, Deadline::In(kSoon)));

  for (const std::string& argument : hostile) {
    ASSERT_OK_AND_ASSIGN(const auto line, process->ReadLine(Deadline::In(kSoon)));
    EXPECT_EQ(line, Hex(argument)) << process->Stderr();
  }
  EXPECT_OK(process->WaitForSuccess(Deadline::In(kSoon)));
}

TEST_F(SshPeerTest, AProgramKilledInMidStreamIsToldFromOneThatFailed) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  ASSERT_OK_AND_ASSIGN(auto killed,
                       peer->Run(Shell("echo READY; kill -KILL $$"), Deadline::In(kSoon)));
  EXPECT_OK(killed->WaitForLine("READY", Deadline::In(kSoon)));
  ASSERT_OK_AND_ASSIGN(const PeerExit exit, killed->Wait(Deadline::In(kSoon)));
  EXPECT_EQ(exit.signal, "KILL");
  const Status status = killed->WaitForSuccess(Deadline::In(kSoon));
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().Text(), HasSubstr("was killed by SIGKILL"));
}

TEST_F(SshPeerTest, WhatAProgramSaysOnStderrIsInTheError) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  ASSERT_OK_AND_ASSIGN(auto process,
                       peer->Run(Shell("echo no route to host >&2; exit 3"), Deadline::In(kSoon)));
  const Status status = process->WaitForLine("READY", Deadline::In(kSoon));
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().Text(), AllOf(HasSubstr("\"READY\""), HasSubstr("ended with status 3"),
                                           HasSubstr("no route to host")));
}

TEST_F(SshPeerTest, AProgramThatDoesNotExistIsAnErrorThatNamesIt) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  ASSERT_OK_AND_ASSIGN(auto process, peer->Run({"/nonexistent/sender"}, Deadline::In(kSoon)));
  const Status status = process->WaitForSuccess(Deadline::In(kSoon));
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().Text(),
              AllOf(HasSubstr("ended with status 127"), HasSubstr("/nonexistent/sender")));
}

TEST_F(SshPeerTest, MuchOutputOnStderrNeitherBlocksNorGrows) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  ASSERT_OK_AND_ASSIGN(auto process, peer->Run(Shell("head -c 4000000 /dev/zero >&2; echo READY"),
                                               Deadline::In(kSoon)));
  EXPECT_OK(process->WaitForLine("READY", Deadline::In(kSoon)));
  EXPECT_EQ(process->Stderr().size(), 16U * 1024);
}

TEST_F(SshPeerTest, ALateLineCostsTheWaitAndNotTheConnection) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  ASSERT_OK_AND_ASSIGN(auto process, peer->Run({"cat"}, Deadline::In(kSoon)));
  EXPECT_FAILS_WITH(ETIMEDOUT, process->ReadLine(Deadline::In(kShort)));
  EXPECT_FAILS_WITH(ETIMEDOUT, process->Wait(Deadline::In(kShort)));
  EXPECT_OK(process->CloseStdin(Deadline::In(kSoon)));
  EXPECT_OK(process->WaitForSuccess(Deadline::In(kSoon)));
}

TEST_F(SshPeerTest, DestroyingAProcessClosesItsStdin) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  ASSERT_OK_AND_ASSIGN(auto process, peer->Run(Shell("echo $$; exec cat"), Deadline::In(kSoon)));
  ASSERT_OK_AND_ASSIGN(const auto pid, process->ReadLine(Deadline::In(kSoon)));
  const UniqueFd handle(
      static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(pid.value_or("-1")), 0)));
  ASSERT_TRUE(handle.Valid());
  pollfd ended{.fd = handle.Get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&ended, 1, 0), 0) << "it ended by itself";

  process.reset();

  EXPECT_EQ(::poll(&ended, 1, Deadline::In(kSoon).RemainingMs()), 1);
}

TEST_F(SshPeerTest, DeploysForTheOwnerAloneAndLeavesNothing) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  const std::string program =
      server_->Folder().Write("program", "#!/bin/sh\necho ran\n# " + std::string(300'000, 'x'));
  ASSERT_OK_AND_ASSIGN(auto file, peer->Deploy(program, Deadline::In(kSoon)));
  ASSERT_OK_AND_ASSIGN(auto other, peer->Deploy(program, Deadline::In(kSoon)));
  EXPECT_NE(file->Path(), other->Path());
  EXPECT_EQ(ReadFile(file->Path()), ReadFile(program));
  struct stat info{};
  ASSERT_EQ(::stat(file->Path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  ASSERT_EQ(::stat(std::filesystem::path(file->Path()).parent_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  ASSERT_OK_AND_ASSIGN(auto process, peer->Run({file->Path()}, Deadline::In(kSoon)));
  EXPECT_OK(process->WaitForLine("ran", Deadline::In(kSoon)));
  EXPECT_EQ(FoldersLeft(), 2);

  EXPECT_OK(file->Remove(Deadline::In(kSoon)));
  EXPECT_OK(file->Remove(Deadline::In(kSoon)));
  other.reset();

  EXPECT_EQ(FoldersLeft(), 0);
}

TEST_F(SshPeerTest, AFileThatCannotBeRemovedIsReportedAsLeftBehind) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  ASSERT_OK_AND_ASSIGN(auto file, peer->Deploy(empty_, Deadline::In(kSoon)));
  ASSERT_TRUE(std::filesystem::remove(file->Path()));
  const Status status = file->Remove(Deadline::In(kSoon));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ENOENT);
  EXPECT_THAT(status.error().Text(), HasSubstr("stayed behind"));
}

TEST_F(SshPeerTest, DeployErrorsNameThePlace) {
  SshOptions options = Options();
  options.folder = "/nonexistent";
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(options));
  const auto no_folder = peer->Deploy(empty_, Deadline::In(kSoon));
  ASSERT_FALSE(no_folder.has_value());
  EXPECT_EQ(no_folder.error().code, ENOENT);
  EXPECT_THAT(no_folder.error().Text(), HasSubstr("/nonexistent/zcrx-"));
  EXPECT_FAILS_WITH(ENOENT, peer->Deploy("/nonexistent/sender", Deadline::In(kSoon)));
}

TEST_F(SshPeerTest, RefusesAnUnknownHostWhateverTheConfigurationSays) {
  SshOptions options = Options();
  options.known_hosts = server_->Folder().Write("no_hosts", "");
  options.config = server_->Folder().Write("lax", "Host *\n  StrictHostKeyChecking no\n");
  const auto peer = Connect(options);
  ASSERT_FALSE(peer.has_value());
  EXPECT_EQ(peer.error().code, EACCES);
  EXPECT_THAT(peer.error().Text(),
              AllOf(HasSubstr("not in " + options.known_hosts), HasSubstr("SHA256:"),
                    HasSubstr(fmt::format("ssh-keyscan -p {} 127.0.0.1", server_->Port()))));
}

TEST_F(SshPeerTest, RefusesAChangedHostKeyAndNamesTheLine) {
  SshOptions options = Options();
  const std::string other = ReadFile(server_->MakeKey("other") + ".pub");
  options.known_hosts = server_->Folder().Write(
      "changed", fmt::format("# comment\n\n[127.0.0.1]:{} {}", server_->Port(), other));
  options.config = server_->Folder().Write("lax", "Host *\n  StrictHostKeyChecking no\n");
  const auto peer = Connect(options);
  ASSERT_FALSE(peer.has_value());
  EXPECT_EQ(peer.error().code, EACCES);
  EXPECT_THAT(peer.error().Text(),
              AllOf(HasSubstr("CHANGED"), HasSubstr(options.known_hosts + ":3"),
                    HasSubstr("ssh-keygen -f")));
}

TEST_F(SshPeerTest, RefusedKeyNamesTheKey) {
  SshOptions options = Options();
  options.identity = server_->MakeKey("stranger");
  const auto peer = Connect(options);
  ASSERT_FALSE(peer.has_value());
  EXPECT_EQ(peer.error().code, EACCES);
  EXPECT_THAT(peer.error().Text(),
              AllOf(HasSubstr("accepted no key"), HasSubstr(options.identity)));
}

TEST_F(SshPeerTest, AFileThatIsNoKeyIsNamed) {
  SshOptions options = Options();
  options.identity = empty_;
  const auto peer = Connect(options);
  ASSERT_FALSE(peer.has_value());
  EXPECT_THAT(peer.error().Text(), AllOf(HasSubstr(empty_), HasSubstr("no readable private key")));
}

TEST_F(SshPeerTest, FollowsAnAliasOfTheConfigurationFile) {
  SshOptions options = Options();
  options.config = server_->Folder().Write(
      "alias", fmt::format("Host labpeer\n  HostName 127.0.0.1\n  Port {}\n  User {}\n",
                           server_->Port(), options.target.user));
  options.target = {.user = "", .host = "labpeer", .port = 0};
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(options));
  ASSERT_OK_AND_ASSIGN(auto process, peer->Run({"true"}, Deadline::In(kSoon)));
  EXPECT_OK(process->WaitForSuccess(Deadline::In(kSoon)));
  EXPECT_EQ(process->Name(), "true on labpeer");
}

TEST_F(SshPeerTest, AServerThatStopsAnsweringCostsTheDeadlineAndTheConnection) {
  for (const bool deploy : {true, false}) {
    SCOPED_TRACE(deploy ? "Deploy" : "Run");
    ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
    server_->Freeze();
    const auto start = std::chrono::steady_clock::now();
    const Deadline deadline = Deadline::In(kShort);
    if (deploy) {
      EXPECT_FAILS_WITH(ETIMEDOUT, peer->Deploy(empty_, deadline));
    } else {
      EXPECT_FAILS_WITH(ETIMEDOUT, peer->Run({"true"}, deadline));
    }
    EXPECT_FAILS_WITH(ECONNRESET, peer->Run({"true"}, Deadline::In(kSoon)));
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  }
}

TEST(SshPeer, RefusedConnectionSaysWhatToLookAt) {
  const LoopbackSocket closed = BindLoopback();
  const auto peer = ConnectSshPeer(Anywhere("127.0.0.1", closed.port), Deadline::In(kSoon));
  ASSERT_FALSE(peer.has_value());
  EXPECT_EQ(peer.error().code, ECONNREFUSED);
  EXPECT_THAT(peer.error().Text(), HasSubstr("is sshd running"));
}

TEST(SshPeer, ASilentServerCostsTheDeadline) {
  const LoopbackSocket silent = BindLoopback();
  ASSERT_EQ(::listen(silent.fd.Get(), 1), 0);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FAILS_WITH(ETIMEDOUT,
                    ConnectSshPeer(Anywhere("127.0.0.1", silent.port), Deadline::In(kShort)));
  EXPECT_GE(std::chrono::steady_clock::now() - start, kShort);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST(SshPeer, AnUnknownNameIsAnError) {
  const auto peer = ConnectSshPeer(Anywhere("peer.invalid", 22), Deadline::In(kSoon));
  ASSERT_FALSE(peer.has_value());
  EXPECT_THAT(peer.error().Text(), HasSubstr("look up peer.invalid"));
}

TEST(SshPeer, WithoutSftpTheErrorNamesTheSetting) {
  auto server = LocalSshd::Start("AllowTcpForwarding no\n");
  if (!server.has_value()) GTEST_SKIP() << server.error().Text();
  const std::string empty = (*server)->Folder().Write("empty_config", "");
  SshOptions options = Anywhere("127.0.0.1", (*server)->Port());
  options.identity = (*server)->Identity();
  options.known_hosts = (*server)->KnownHosts();
  options.config = empty;
  ASSERT_OK_AND_ASSIGN(auto peer, ConnectSshPeer(options, Deadline::In(kSoon)));
  const auto file = peer->Deploy(empty, Deadline::In(kSoon));
  ASSERT_FALSE(file.has_value());
  EXPECT_THAT(file.error().Text(), HasSubstr("Subsystem sftp"));
}

}  // namespace
}  // namespace zcrx
