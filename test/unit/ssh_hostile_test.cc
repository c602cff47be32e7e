// Bad host keys, and strings that nobody should give to a shell, against a real sshd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "fixtures/result_matchers.h"
#include "test/unit/hostile_strings.h"
#include "test/unit/ssh_peer_fixture.h"

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

class SshHostKeyTest : public SshPeerTest {
 protected:
  // `known_hosts` with a configuration that would let everything pass.
  SshOptions Lax(const std::string& known_hosts) const {
    SshOptions options = Options();
    options.known_hosts = server_->Folder().Write("hosts_of_the_test", known_hosts);
    options.config =
        server_->Folder().Write("lax", "Host *\n  StrictHostKeyChecking no\n  CheckHostIP no\n");
    return options;
  }
  [[nodiscard]] std::string HostKey() const {
    return ReadFile(server_->Folder().Path() / "host_key.pub");
  }
  [[nodiscard]] std::string Entry() const {
    return fmt::format("[127.0.0.1]:{} {}", server_->Port(), HostKey());
  }
  // The server logs an attempt before it answers, so nothing has to be waited for.
  void ExpectNoLogin() const {
    EXPECT_THAT(server_->Log(), AllOf(HasSubstr("Connection from"), Not(HasSubstr("publickey"))));
  }
};

TEST_F(SshHostKeyTest, AnUnknownHostIsRefusedBeforeLogin) {
  const SshOptions options = Lax("");
  const auto peer = Connect(options);
  ASSERT_FALSE(peer.has_value());
  EXPECT_EQ(peer.error().code, EACCES);
  EXPECT_THAT(peer.error().Text(),
              AllOf(HasSubstr("not in " + options.known_hosts), HasSubstr("SHA256:"),
                    HasSubstr(fmt::format("ssh-keyscan -p {} 127.0.0.1", server_->Port()))));
  ExpectNoLogin();
}

TEST_F(SshHostKeyTest, AChangedKeyIsRefusedBeforeLoginAndItsLineNamed) {
  const std::string other = ReadFile(server_->MakeKey("other") + ".pub");
  const SshOptions options =
      Lax(fmt::format("# comment\n\n[127.0.0.1]:{} {}", server_->Port(), other));
  const auto peer = Connect(options);
  ASSERT_FALSE(peer.has_value());
  EXPECT_EQ(peer.error().code, EACCES);
  EXPECT_THAT(peer.error().Text(),
              AllOf(HasSubstr("CHANGED"), HasSubstr(options.known_hosts + ":3"),
                    HasSubstr("ssh-keygen -f")));
  ExpectNoLogin();
}

TEST_F(SshHostKeyTest, ARevokedKeyIsRefusedBeforeLoginWhateverElseListsIt) {
  for (const std::string& revoked :
       {"@revoked " + Entry(), "@revoked\t* " + HostKey(), "@revoked 127.0.0.1 " + HostKey()}) {
    SCOPED_TRACE(revoked);
    const SshOptions options = Lax(Entry() + revoked);
    const auto peer = Connect(options);
    ASSERT_FALSE(peer.has_value());
    EXPECT_EQ(peer.error().code, EACCES);
    EXPECT_THAT(peer.error().Text(),
                AllOf(HasSubstr("REVOKED"), HasSubstr(options.known_hosts + ":2")));
  }
  ExpectNoLogin();
}

TEST_F(SshHostKeyTest, WhatIsRevokedForOthersPasses) {
  const std::string other = ReadFile(server_->MakeKey("other") + ".pub");
  EXPECT_OK(Connect(
      Lax(Entry() + "@revoked * " + other + "@revoked 192.0.2.1 " + HostKey() + "@revoked\n")));
}

// libssh checks no certificates: that the authority is there leads nowhere, and is said.
TEST_F(SshHostKeyTest, ACertificateAuthorityAloneIsToldFromAnUnknownHost) {
  const std::string authority = "@cert-authority * " + ReadFile(server_->MakeKey("other") + ".pub");
  const SshOptions options = Lax("# comment\n" + authority);
  const auto peer = Connect(options);
  ASSERT_FALSE(peer.has_value());
  EXPECT_EQ(peer.error().code, EACCES);
  EXPECT_THAT(peer.error().Text(),
              AllOf(HasSubstr(options.known_hosts + ":2 has only a @cert-authority"),
                    HasSubstr("cannot check certificates"), HasSubstr("ssh-keyscan"),
                    Not(HasSubstr("Log in once"))));
  ExpectNoLogin();
  EXPECT_OK(Connect(Lax(authority + Entry()))) << "beside the key itself";
}

// Of several keys, known_hosts has the one that the peer would not show first.
TEST_F(SshHostKeyTest, AsksForTheKeyThatIsKnown) {
  ASSERT_TRUE(RunToEnd({"ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f",
                        server_->Folder().Path() / "second_key"}));
  const std::string second = ReadFile(server_->Folder().Path() / "second_key.pub");
  server_->AddHostKey(server_->Folder().Path() / "second_key");
  EXPECT_OK(Connect(Lax(fmt::format("[127.0.0.1]:{} {}", server_->Port(), second))));
  EXPECT_OK(Connect(Lax(fmt::format("[127.0.0.1]:{}\t{}", server_->Port(), HostKey()))));
}

class SshHostileTest : public SshPeerTest {
 protected:
  void SetUp() override {
    SshPeerTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_FALSE(Marked()) << "from before";
  }
  void TearDown() override {
    if (IsSkipped()) return;
    EXPECT_FALSE(Marked()) << "something was run";
  }
  // A name in the scratch folder that a file can have.
  static bool CanName(const std::string& text) { return !text.contains('/') && text != "."; }

 private:
  // In this folder, and where sshd starts its programs: the home folder, or what stands for it.
  [[nodiscard]] bool Marked() const {
    const std::filesystem::path home = ::getpwuid(::getuid())->pw_dir;
    return std::filesystem::exists(kMarkerFile) || std::filesystem::exists(home / kMarkerFile) ||
           std::filesystem::exists(server_->Folder().Path() / kMarkerFile);
  }
};

TEST_F(SshHostileTest, ThereAreThirtyAndMore) { EXPECT_GE(HostileStrings().size(), 30); }

TEST_F(SshHostileTest, ArgumentsArriveAsTheyAre) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  std::vector<std::string> hostile = HostileStrings();
  hostile.emplace_back("");
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

// As the folder for deployed files, as the name of the file, and so as the program that is run.
TEST_F(SshHostileTest, PathsOnThePeerAreTakenAsTheyAre) {
  for (const std::string& name : HostileStrings()) {
    if (!CanName(name)) continue;
    SCOPED_TRACE(Hex(name));
    SshOptions options = Options();
    options.folder = server_->Folder().Path() / name;
    std::filesystem::create_directory(options.folder);
    const std::string program = server_->Folder().Write(fmt::format("{0}/{0}", name), Patient());
    ASSERT_OK_AND_ASSIGN(auto peer, Connect(options));
    ASSERT_OK_AND_ASSIGN(auto file, peer->Deploy(program, {name}, Deadline::In(kSoon)));
    EXPECT_TRUE(file->Path().starts_with(options.folder + "/zcrx-")) << file->Path();
    EXPECT_TRUE(file->Path().ends_with("/" + name)) << file->Path();
    // A name may hold newlines.
    std::string said = fmt::format("ran {} {}", name, file->Path());
    EXPECT_OK(file->Program().WaitForLine(said.substr(said.rfind('\n') + 1), Deadline::In(kSoon)));
    EXPECT_OK(file->Remove(Deadline::In(kSoon)));
    EXPECT_TRUE(std::filesystem::remove(program));
    EXPECT_TRUE(std::filesystem::is_empty(options.folder));
  }
}

TEST_F(SshHostileTest, PathsOfKeysAreTakenAsTheyAre) {
  for (const std::string& name : HostileStrings()) {
    if (!CanName(name)) continue;
    SCOPED_TRACE(Hex(name));
    const std::filesystem::path folder = server_->Folder().Path() / ("keys" + name);
    std::filesystem::create_directory(folder);
    SshOptions options = Options();
    options.identity = folder / name;
    options.known_hosts = folder / ("hosts" + name);
    std::filesystem::copy_file(server_->Identity(), options.identity);
    std::filesystem::copy_file(server_->KnownHosts(), options.known_hosts);
    EXPECT_OK(Connect(options));
  }
}

// They become part of a command where ~/.ssh/config has a ProxyCommand with them.
TEST_F(SshHostileTest, LoginsAreRefusedOrTakenAsTheyAre) {
  for (const std::string& text : HostileStrings()) {
    for (const std::string& login :
         {text, "peer" + text, text + "@peer", "user" + text + "@peer"}) {
      SCOPED_TRACE(Hex(login));
      Result<SshTarget> target = ParseSshTarget(login);
      if (!target.has_value()) {
        EXPECT_EQ(target.error().code, EINVAL);
        continue;
      }
      SshOptions options = Options();
      options.target = *target;
      options.config =
          server_->Folder().Write("proxy", "Host *\n  ProxyCommand printf %%s %h %r >/dev/null\n");
      EXPECT_FALSE(Connect(options).has_value());
    }
  }
}

}  // namespace
}  // namespace zcrx
