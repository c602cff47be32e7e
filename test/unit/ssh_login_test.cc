// Which keys a login offers, what ssh_config says about it, and what ends it: against a real sshd
// and a real ssh-agent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/base/interruption_watch.h"
#include "support/base/wait.h"
#include "test/unit/ssh_peer_fixture.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kShort = 500ms;

class SshLoginTest : public SshPeerTest {
 protected:
  void SetUp() override {
    SshPeerTest::SetUp();
    if (!IsSkipped()) ::unsetenv("SSH_AUTH_SOCK");
  }
  void TearDown() override { ::unsetenv("SSH_AUTH_SOCK"); }

  [[nodiscard]] std::string Path(const std::string& name) const {
    return server_->Folder().Path() / name;
  }
  // Without --ssh-identity, and with a configuration that names `identity` ("": none that is
  // there).
  SshOptions Configured(const std::string& identity, const std::string& more = "") const {
    SshOptions options = Options();
    options.identity.clear();
    options.config = server_->Folder().Write(
        "config",
        fmt::format("IdentityFile {}\n{}", identity.empty() ? "/nonexistent/key" : identity, more));
    return options;
  }
  // The text of the error of a login that is refused.
  static std::string Refusal(const SshOptions& options, int code = EACCES) {
    const auto peer = Connect(options);
    if (peer.has_value()) return "no error";
    EXPECT_EQ(peer.error().code, code) << peer.error().Text();
    return peer.error().Text();
  }
  void Lock(const std::string& key) const {
    ASSERT_TRUE(RunToEnd({"ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", key}));
  }
};

// A real ssh-agent, which SSH_AUTH_SOCK names from now on.
class Agent {
 public:
  explicit Agent(const std::string& path) : path_(path) {
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setpgid(0, 0);
      ::execlp("ssh-agent", "ssh-agent", "-D", "-a", path.c_str(), nullptr);
      ::_exit(127);
    }
    EXPECT_OK(Becomes(
        "the agent listens", [&] { return Result<bool>(std::filesystem::exists(path)); },
        Deadline::In(kSoon)));
    ::setenv("SSH_AUTH_SOCK", path.c_str(), 1);
  }
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;
  ~Agent() {
    ::kill(-pid_, SIGKILL);  // and whom it has asked
    ::waitpid(pid_, nullptr, 0);
    std::filesystem::remove(path_);
  }
  static void Add(const std::string& key) { ASSERT_TRUE(RunToEnd({"ssh-add", "-q", key})) << key; }
  void Stop() const { ::kill(pid_, SIGSTOP); }

 private:
  std::string path_;
  pid_t pid_ = 0;
};

TEST_F(SshLoginTest, AKeyThatTheConfigurationNamesComesBeforeTheAgents) {
  const Agent agent(Path("agent"));
  for (int i = 0; i < 8; ++i) Agent::Add(server_->MakeKey(fmt::format("stranger{}", i)));
  EXPECT_OK(Connect(Configured(server_->Identity())));
  Agent::Add(server_->Identity());
  Lock(server_->Identity());
  EXPECT_OK(Connect(Configured(server_->Identity())));
  SshOptions named = Options();
  EXPECT_OK(Connect(named)) << "--ssh-identity, with a passphrase";
}

TEST_F(SshLoginTest, TheAgentsKeysAreTriedInTheirOrder) {
  const Agent agent(Path("agent"));
  for (int i = 0; i < 4; ++i) Agent::Add(server_->MakeKey(fmt::format("stranger{}", i)));
  Agent::Add(server_->Identity());
  EXPECT_OK(Connect(Configured("")));
  EXPECT_THAT(Refusal(Configured("", "IdentitiesOnly yes\n")),
              HasSubstr("there is no key to offer"));
  ::unsetenv("SSH_AUTH_SOCK");
  EXPECT_THAT(Refusal(Configured("")), HasSubstr("there is no key to offer"));
  EXPECT_OK(Connect(Configured("", fmt::format("IdentityAgent {}\n", Path("agent")))));
}

TEST_F(SshLoginTest, MoreForeignKeysThanThePeerAllowsAreNamed) {
  const Agent agent(Path("agent"));
  for (int i = 0; i < 8; ++i) Agent::Add(server_->MakeKey(fmt::format("stranger{}", i)));
  Agent::Add(server_->Identity());
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(Refusal(Configured("")),
              AllOf(HasSubstr("Too many authentication failures"),
                    HasSubstr("all 9 keys (stranger0 of the ssh-agent, "),
                    HasSubstr("--ssh-identity"), HasSubstr("IdentityFile")));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kSoon);
}

// A socket that accepts and says nothing, and one whose queue is full.
TEST_F(SshLoginTest, AnAgentThatDoesNotAnswerCostsTheTimeoutAndIsNamed) {
  for (const int queue : {8, 0}) {
    SCOPED_TRACE(queue);
    const std::string path = Path(fmt::format("silent{}", queue));
    const UniqueFd silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    ASSERT_EQ(::bind(silent.Get(), generic, sizeof(address)), 0);
    ASSERT_EQ(::listen(silent.Get(), queue), 0);
    const UniqueFd other(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(other.Get(), generic, sizeof(address)), 0);
    ::setenv("SSH_AUTH_SOCK", path.c_str(), 1);

    SshOptions options = Configured("");
    if (queue != 0) {
      options.timeout = 2s;
      EXPECT_THAT(Refusal(options, ETIMEDOUT),
                  AllOf(HasSubstr("ssh-agent at " + path), HasSubstr("does not answer")));
    } else {
      EXPECT_THAT(Refusal(options), HasSubstr("ssh-agent at " + path));
    }
    EXPECT_OK(Connect(Configured(server_->Identity()))) << "it is not needed";
  }
}

TEST_F(SshLoginTest, AnInterruptionEndsTheWaitForTheAgent) {
  const InterruptionWatch watch;
  const Agent agent(Path("agent"));
  Agent::Add(server_->Identity());
  agent.Stop();
  const SshOptions options = Configured("");
  std::thread signal([this] {
    EXPECT_OK(Becomes(
        "it logs in",
        [this] {
          return Result<bool>(server_->Log().find("Connection from") != std::string::npos);
        },
        Deadline::In(kSoon)));
    ::kill(::getpid(), SIGTERM);
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(Refusal(options, ECANCELED), HasSubstr("interrupted by SIGTERM"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kSoon);
  signal.join();
}

// It answers the first question, and is asked for a signature.
TEST_F(SshLoginTest, AnAgentThatDoesNotSignCostsTheTimeoutAndIsNamed) {
  const std::string asker = server_->Folder().Write("asker", "#!/bin/sh\nexec sleep 1000\n");
  std::filesystem::permissions(asker, std::filesystem::perms::owner_all);
  ::setenv("SSH_ASKPASS", asker.c_str(), 1);
  ::setenv("SSH_ASKPASS_REQUIRE", "force", 1);
  const Agent agent(Path("agent"));
  ASSERT_TRUE(RunToEnd({"ssh-add", "-q", "-c", server_->Identity()}));  // asks before it signs
  SshOptions options = Configured("");
  options.timeout = 3s;
  EXPECT_THAT(Refusal(options, ETIMEDOUT),
              HasSubstr("the ssh-agent at " + Path("agent") + " does not sign"));
  ::unsetenv("SSH_ASKPASS");
  ::unsetenv("SSH_ASKPASS_REQUIRE");
}

TEST_F(SshLoginTest, AKeyWithAPassphraseIsToldFromOneThatIsRefused) {
  Lock(server_->Identity());
  EXPECT_THAT(Refusal(Configured(server_->Identity())),
              AllOf(HasSubstr("it would take " + server_->Identity()), HasSubstr("passphrase"),
                    HasSubstr("ssh-add"), Not(HasSubstr("authorized_keys"))));
  const std::string stranger = server_->MakeKey("stranger");
  Lock(stranger);
  EXPECT_THAT(Refusal(Configured(stranger)),
              AllOf(HasSubstr(stranger + " has a passphrase"), HasSubstr("no key to offer")));
}

TEST_F(SshLoginTest, NamesThatLibsshRefusesAreTaken) {
  SshOptions options = Options();
  options.target.port = 0;
  options.config = server_->Folder().Write(
      "names", fmt::format("Host lab_peer+1\n  HostName 127.0.0.1\n  Port {}\n", server_->Port()));
  options.target.host = "lab_peer+1";
  EXPECT_OK(Connect(options));
  for (const char* const host : {"no_such_host.invalid", "a+b.invalid"}) {
    options.target.host = host;
    EXPECT_THAT(Refusal(options, 0), HasSubstr(fmt::format("look up {}", host)));
  }
}

TEST_F(SshLoginTest, KnownHostsMayHaveAnAlias) {
  SshOptions options = Options();
  options.known_hosts =
      server_->Folder().Write("aliased", "under_an_alias " + ReadFile(Path("host_key.pub")));
  EXPECT_THAT(Refusal(options), HasSubstr("not in " + options.known_hosts));
  options.config = server_->Folder().Write("alias", "HostKeyAlias under_an_alias\n");
  EXPECT_OK(Connect(options));
}

TEST_F(SshLoginTest, SeveralKnownHostsAndHashedNamesAreRead) {
  const std::string hashed = server_->Folder().Write("hashed", ReadFile(server_->KnownHosts()));
  ASSERT_TRUE(RunToEnd({"ssh-keygen", "-q", "-H", "-f", hashed}));
  EXPECT_THAT(ReadFile(hashed), HasSubstr("|1|"));
  SshOptions options = Configured(
      server_->Identity(), fmt::format("UserKnownHostsFile {} {}\n", Path("no_hosts"), hashed));
  options.known_hosts.clear();
  EXPECT_OK(Connect(options));
}

TEST_F(SshLoginTest, AlgorithmsOfTheConfigurationAreTaken) {
  EXPECT_OK(Connect(Configured(server_->Identity(),
                               "Ciphers aes256-ctr\nMACs hmac-sha2-512\nCompression yes\n"
                               "KexAlgorithms curve25519-sha256\nHostKeyAlgorithms ssh-ed25519\n"
                               "PubkeyAcceptedAlgorithms ssh-ed25519\n")));
  for (const char* const line :
       {"Ciphers 3des-cbc\n", "MACs hmac-sha1\nCiphers aes256-ctr\n",
        "KexAlgorithms diffie-hellman-group14-sha1\n", "HostKeyAlgorithms rsa-sha2-512\n"}) {
    SCOPED_TRACE(line);
    auto narrow = LocalSshd::Start("MACs hmac-sha2-512\n");
    ASSERT_OK(narrow);
    server_ = *std::move(narrow);
    EXPECT_THAT(Refusal(Configured(server_->Identity(), line), 0), HasSubstr("no match"));
  }
  EXPECT_THAT(Refusal(Configured(server_->Identity(), "PubkeyAcceptedAlgorithms rsa-sha2-512\n")),
              HasSubstr("accepted no key"));
}

TEST_F(SshLoginTest, ConnectTimeoutCountsUnlessTheOptionsSayOtherwise) {
  const LoopbackSocket silent = BindLoopback();
  ASSERT_EQ(::listen(silent.fd.Get(), 1), 0);
  SshOptions options = Options();
  options.target.port = silent.port;
  options.timeout.reset();
  options.config = server_->Folder().Write("slow", "ConnectTimeout 1\n");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(Connect(options), FailsWith(ETIMEDOUT));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s) << "the default";
  options.config = server_->Folder().Write("patient", "ConnectTimeout 3600\n");
  options.timeout = kShort;
  EXPECT_THAT(Connect(options), FailsWith(ETIMEDOUT));
}

TEST_F(SshLoginTest, ProxyCommandsAndJumpsAreTaken) {
  SshOptions options = Options();
  options.target.host = "over_there";
  const std::string common =
      fmt::format("HostName 127.0.0.1\nIdentityFile {}\nUserKnownHostsFile {}\n",
                  server_->Identity(), server_->KnownHosts());
  const std::string plain = server_->Folder().Write("plain", common);
  options.config = server_->Folder().Write(
      "proxy",
      common + fmt::format("ProxyCommand sh -c 'test %n%% = over_there%% && exec ssh -F {} -W "
                           "%h:%p -p %p %r@stop'\n",
                           plain));
  EXPECT_OK(Connect(options));
  options.config = server_->Folder().Write(
      "jump", fmt::format("Host over_there\nProxyJump {}@stop:{}\nHost *\n{}", options.target.user,
                          server_->Port(), common));
  EXPECT_OK(Connect(options));
}

TEST_F(SshLoginTest, AConfigurationThatSshRefusesIsTold) {
  SshOptions options = Options();
  options.config = server_->Folder().Write("wrong", "NoSuchOption yes\n");
  EXPECT_THAT(Refusal(options, 0), AllOf(HasSubstr("nosuchoption"), HasSubstr(options.config)));
}

}  // namespace
}  // namespace zcrx
