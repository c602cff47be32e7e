#include "support/remote/ssh_peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libssh/server.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "fixtures/result_matchers.h"
#include "support/base/interruption_watch.h"
#include "test/unit/ssh_peer_fixture.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr auto kShort = 300ms;

SshOptions Anywhere(const std::string& host, uint16_t port) {
  SshOptions options;
  options.config = "/dev/null";
  options.timeout = kSoon;
  options.target = {.user = "", .host = host, .port = port};
  return options;
}

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

TEST_F(SshPeerTest, NoDescriptorIsLeftOfASession) {
  const auto open = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = open();
  for (int i = 0; i < 3; ++i) EXPECT_OK(Connect(Options()));
  EXPECT_EQ(open(), before);
}

TEST_F(SshPeerTest, ALateLineCostsTheWaitAndNotTheConnection) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  ASSERT_OK_AND_ASSIGN(auto process, peer->Run({"cat"}, Deadline::In(kSoon)));
  EXPECT_THAT(process->ReadLine(Deadline::In(kShort)), FailsWith(ETIMEDOUT));
  EXPECT_THAT(process->Wait(Deadline::In(kShort)), FailsWith(ETIMEDOUT));
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

TEST_F(SshPeerTest, AnInterruptionCostsTheWaitAndNotTheConnection) {
  const InterruptionWatch watch;
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  ASSERT_OK_AND_ASSIGN(auto process, peer->Run({"cat"}, Deadline::In(kSoon)));
  ::kill(::getpid(), SIGTERM);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(process->ReadLine(Deadline::In(kSoon)), FailsWith(ECANCELED));
  EXPECT_THAT(process->Wait(Deadline::In(kSoon)), FailsWith(ECANCELED));
  EXPECT_THAT(peer->Run({"true"}, Deadline::In(kSoon)), FailsWith(ECANCELED));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kSoon);
  const Uninterrupted undoing;
  EXPECT_OK(process->CloseStdin(Deadline::In(kSoon)));
  EXPECT_OK(process->WaitForSuccess(Deadline::In(kSoon)));
}

TEST_F(SshPeerTest, AnInterruptionEndsACallThatGetsNoAnswer) {
  const InterruptionWatch watch(1s);
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  server_->Freeze();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(peer->Run({"true"}, Deadline::In(kSoon)), FailsWith(ECANCELED));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kSoon);
}

TEST_F(SshPeerTest, TooFewSessionsAreTold) {
  auto narrow = LocalSshd::Start("MaxSessions 1\n");
  ASSERT_OK(narrow);
  server_ = *std::move(narrow);
  SshOptions options = Options();
  options.config = "/dev/null";
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(options));
  ASSERT_OK_AND_ASSIGN(auto first, peer->Run({"cat"}, Deadline::In(kSoon)));
  const auto second = peer->Run({"cat"}, Deadline::In(kSoon));
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(second.error().Text(), HasSubstr("raise MaxSessions in sshd_config"));
  EXPECT_OK(first->CloseStdin(Deadline::In(kSoon)));
  EXPECT_OK(first->WaitForSuccess(Deadline::In(kSoon)));
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
  EXPECT_THAT(peer.error().Text(),
              AllOf(HasSubstr(empty_), HasSubstr("not a readable private key")));
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
      EXPECT_THAT(peer->Deploy(empty_, {}, deadline), FailsWith(ETIMEDOUT));
    } else {
      EXPECT_THAT(peer->Run({"true"}, deadline), FailsWith(ETIMEDOUT));
    }
    EXPECT_THAT(peer->Run({"true"}, Deadline::In(kSoon)), FailsWith(ECONNRESET));
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  }
}

// An sshd that closes the channel of a program and does not say how that ended: no real one does it
// at will.
class MuteServer {
 public:
  explicit MuteServer(const std::string& host_key) : bound_(BindLoopback()) {
    EXPECT_EQ(::listen(bound_.fd.Get(), 1), 0);
    thread_ = std::thread([this, host_key] { Serve(host_key); });
  }
  MuteServer(const MuteServer&) = delete;
  MuteServer& operator=(const MuteServer&) = delete;
  ~MuteServer() {
    ::shutdown(bound_.fd.Get(), SHUT_RDWR);
    thread_.join();
  }
  [[nodiscard]] uint16_t Port() const { return bound_.port; }

 private:
  void Serve(const std::string& host_key) {
    const int connection = ::accept4(bound_.fd.Get(), nullptr, nullptr, SOCK_CLOEXEC);
    const std::unique_ptr<ssh_bind_struct, decltype(&ssh_bind_free)> bind(ssh_bind_new(),
                                                                          &ssh_bind_free);
    const std::unique_ptr<ssh_session_struct, decltype(&ssh_free)> session(ssh_new(), &ssh_free);
    ssh_bind_options_set(bind.get(), SSH_BIND_OPTIONS_HOSTKEY, host_key.c_str());
    const long limit = kSoon.count();  // libssh waits for a message even where nobody is left
    ssh_options_set(session.get(), SSH_OPTIONS_TIMEOUT, &limit);
    if (ssh_bind_accept_fd(bind.get(), session.get(), connection) != SSH_OK ||
        ssh_handle_key_exchange(session.get()) != SSH_OK) {
      return;
    }
    ssh_channel channel = nullptr;
    for (bool told = false; !told;) {
      const ssh_message message = ssh_message_get(session.get());
      if (message == nullptr) return;
      if (ssh_message_type(message) == SSH_REQUEST_SERVICE) {
        ssh_message_service_reply_success(message);
      } else if (ssh_message_type(message) == SSH_REQUEST_AUTH) {
        ssh_message_auth_reply_success(message, 0);
      } else if (ssh_message_type(message) == SSH_REQUEST_CHANNEL_OPEN) {
        channel = ssh_message_channel_request_open_reply_accept(message);
      } else if (ssh_message_type(message) == SSH_REQUEST_CHANNEL) {
        ssh_message_channel_request_reply_success(message);
        ssh_channel_close(channel);
        pollfd gone{.fd = connection, .events = POLLRDHUP, .revents = 0};
        ::poll(&gone, 1, Deadline::In(kSoon).RemainingMs());
        told = true;
      }
      ssh_message_free(message);
    }
  }

  LoopbackSocket bound_;
  std::thread thread_;
};

TEST_F(SshPeerTest, AProgramWhoseEndIsNotToldIsAnErrorAtOnce) {
  const MuteServer mute(server_->Folder().Path() / "host_key");
  SshOptions options = Options();
  options.target.port = mute.Port();
  options.known_hosts = server_->Folder().Write(
      "mute_hosts", "* " + ReadFile(server_->Folder().Path() / "host_key.pub"));
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(options));
  ASSERT_OK_AND_ASSIGN(auto process, peer->Run({"true"}, Deadline::In(kSoon)));
  const auto exit = process->Wait(Deadline::In(kSoon));
  ASSERT_FALSE(exit.has_value());
  EXPECT_THAT(exit.error().Text(), HasSubstr("its sshd does not say how it ended"));
}

TEST(SshPeer, RefusedConnectionSaysWhatToLookAt) {
  const LoopbackSocket closed = BindLoopback();
  const auto peer = ConnectSshPeer(Anywhere("127.0.0.1", closed.port));
  ASSERT_FALSE(peer.has_value());
  EXPECT_EQ(peer.error().code, ECONNREFUSED);
  EXPECT_THAT(peer.error().Text(), HasSubstr("is sshd running"));
}

TEST(SshPeer, ASilentServerCostsTheDeadline) {
  const LoopbackSocket silent = BindLoopback();
  ASSERT_EQ(::listen(silent.fd.Get(), 1), 0);
  const auto start = std::chrono::steady_clock::now();
  SshOptions options = Anywhere("127.0.0.1", silent.port);
  options.timeout = kShort;
  EXPECT_THAT(ConnectSshPeer(options), FailsWith(ETIMEDOUT));
  EXPECT_GE(std::chrono::steady_clock::now() - start, kShort);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST(SshPeer, AnUnknownNameIsAnError) {
  const auto peer = ConnectSshPeer(Anywhere("peer.invalid", 22));
  ASSERT_FALSE(peer.has_value());
  EXPECT_THAT(peer.error().Text(), HasSubstr("look up peer.invalid"));
}

}  // namespace
}  // namespace zcrx
