// Programs put on the peer: what becomes of them, and what the peer has to say when they cannot be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <thread>
#include <tuple>

#include "fixtures/bed/deployed_sender.h"
#include "fixtures/bed/sender.h"
#include "fixtures/result_matchers.h"
#include "support/base/wait.h"
#include "test/unit/ssh_peer_fixture.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr auto kShort = 300ms;
using SshDeployTest = SshPeerTest;

TEST_F(SshDeployTest, DeploysForTheOwnerAloneAndLeavesNothing) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  const std::string program = server_->Folder().Write("program", Patient(300'000));
  ASSERT_OK_AND_ASSIGN(auto file, peer->Deploy(program, {"a b", "--x"}, Deadline::In(kSoon)));
  ASSERT_OK_AND_ASSIGN(auto other, peer->Deploy(program, {}, Deadline::In(kSoon)));
  EXPECT_NE(file->Path(), other->Path());
  EXPECT_OK(file->Program().WaitForLine("ran a b --x " + file->Path(), Deadline::In(kSoon)));
  EXPECT_EQ(ReadFile(file->Path()), ReadFile(program));
  struct stat info{};
  ASSERT_EQ(::stat(file->Path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  ASSERT_EQ(::stat(std::filesystem::path(file->Path()).parent_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  EXPECT_EQ(FoldersLeft(), 2);

  EXPECT_OK(file->Remove(Deadline::In(kSoon)));
  EXPECT_OK(file->Remove(Deadline::In(kSoon)));
  other.reset();

  EXPECT_EQ(FoldersLeft(), 0);
}

// Whenever that is: also in the middle of the file.
TEST_F(SshDeployTest, ARunThatIsKilledWhileItDeploysLeavesNothing) {
  constexpr int kKills = 8;
  const std::string program = server_->Folder().Write("program", Patient(16'000'000));
  std::minstd_rand random(1);
  for (int kill = 0; kill < kKills; ++kill) {
    const pid_t run = ::fork();
    if (run == 0) {
      const auto peer = Connect(Options());
      while (peer.has_value()) std::ignore = (*peer)->Deploy(program, {}, Deadline::In(kSoon));
      ::_exit(1);
    }
    EXPECT_OK(Becomes(
        "it deploys", [&] { return Result<bool>(FoldersLeft() > 0); }, Deadline::In(kSoon)));
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 100));
    ::kill(run, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(run, &status, 0), run);
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_OK(Becomes(
        "all is removed", [&] { return Result<bool>(FoldersLeft() == 0); }, Deadline::In(kSoon)));
  }
}

TEST_F(SshDeployTest, AFileThatCannotBeRemovedIsReportedAsLeftBehind) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  const std::string program =
      server_->Folder().Write("program", "#!/bin/sh\nkill -KILL $PPID\nexec cat >/dev/null\n");
  ASSERT_OK_AND_ASSIGN(auto file, peer->Deploy(program, {}, Deadline::In(kSoon)));
  const Status status = file->Remove(Deadline::In(kSoon));
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().Text(), AllOf(HasSubstr("was killed by SIGKILL"),
                                           HasSubstr(file->Path() + " may have stayed behind")));
}

TEST_F(SshDeployTest, DeployErrorsNameThePlace) {
  SshOptions options = Options();
  options.folder = "/nonexistent";
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(options));
  const auto no_folder = peer->Deploy(empty_, {}, Deadline::In(kSoon));
  ASSERT_FALSE(no_folder.has_value());
  EXPECT_THAT(no_folder.error().Text(),
              AllOf(HasSubstr("/nonexistent/zcrx-"), HasSubstr("No such file or directory"),
                    HasSubstr("--remote-dir")));
  EXPECT_THAT(peer->Deploy("/nonexistent/sender", {}, Deadline::In(kSoon)), FailsWith(ENOENT));
}

// A login shell that talks, with and without a last newline.
TEST_F(SshDeployTest, NoiseOfALoginShellDisturbsNothingAndIsShown) {
  auto noisy = LocalSshd::Start(
      "ForceCommand echo Welcome; printf 'no newline'; eval \"$SSH_ORIGINAL_COMMAND\"\n");
  ASSERT_OK(noisy);
  server_ = *std::move(noisy);
  SshOptions options = Options();
  options.config = "/dev/null";
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(options));
  const std::string program = server_->Folder().Write("program", Patient());
  ASSERT_OK_AND_ASSIGN(auto file, peer->Deploy(program, {}, Deadline::In(kSoon)));
  EXPECT_OK(file->Program().WaitForLine("ran " + file->Path(), Deadline::In(kSoon)));
  EXPECT_OK(file->Remove(Deadline::In(kSoon)));

  ASSERT_OK_AND_ASSIGN(auto process, peer->Run(Shell("echo READY; exit 1"), Deadline::In(kSoon)));
  const Status ended = process->WaitForLine("READY", Deadline::In(kSoon));
  ASSERT_FALSE(ended.has_value());
  EXPECT_THAT(ended.error().Text(), HasSubstr("it said instead: Welcome | no newlineREADY"));
  ASSERT_OK_AND_ASSIGN(process, peer->Run({"cat"}, Deadline::In(kSoon)));
  const Status silent = process->WaitForLine("READY", Deadline::In(4 * kShort));
  ASSERT_FALSE(silent.has_value());
  EXPECT_EQ(silent.error().code, ETIMEDOUT);
  EXPECT_THAT(silent.error().Text(), AllOf(HasSubstr("its output so far: no newline"),
                                           HasSubstr("it said instead: Welcome")));
}

// The peer's temporary folder is one of these. Only root can make one.
class SmallFolder {
 public:
  SmallFolder(std::string path, unsigned long flags) : path_(std::move(path)) {
    std::filesystem::create_directory(path_);
    mounted_ = ::mount("none", path_.c_str(), "tmpfs", flags, "size=64k") == 0;
  }
  SmallFolder(const SmallFolder&) = delete;
  SmallFolder& operator=(const SmallFolder&) = delete;
  ~SmallFolder() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  [[nodiscard]] bool Mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST_F(SshDeployTest, AFullDiskIsTold) {
  SshOptions options = Options();
  options.folder = server_->Folder().Path() / "small";
  const SmallFolder small(options.folder, 0);
  if (!small.Mounted()) GTEST_SKIP() << "not allowed to mount";
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(options));
  const std::string program = server_->Folder().Write("program", Patient(300'000));
  const auto file = peer->Deploy(program, {}, Deadline::In(kSoon));
  ASSERT_FALSE(file.has_value());
  EXPECT_THAT(file.error().Text(), AllOf(HasSubstr("No space left on device"),
                                         HasSubstr("--remote-dir names another folder")));
  EXPECT_TRUE(std::filesystem::is_empty(options.folder));
}

TEST_F(SshDeployTest, AFolderWhereProgramsCannotRunIsTold) {
  SshOptions options = Options();
  options.folder = server_->Folder().Path() / "noexec";
  const SmallFolder noexec(options.folder, MS_NOEXEC);
  if (!noexec.Mounted()) GTEST_SKIP() << "not allowed to mount";
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(options));
  const std::string program = server_->Folder().Write("program", Patient());
  const auto sender = DeployedSender::Put(*peer, program, Deadline::In(kSoon));
  ASSERT_FALSE(sender.has_value());
  EXPECT_THAT(sender.error().Text(),
              AllOf(HasSubstr("Permission denied"), HasSubstr("is it mounted noexec"),
                    HasSubstr("--remote-dir names another folder")));
  EXPECT_TRUE(std::filesystem::is_empty(options.folder));
}

// The first process that runs it.
pid_t ProcessOf(const std::string& program) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::error_code error;
    if (std::filesystem::read_symlink(entry.path() / "exe", error) == program) {
      return std::stoi(entry.path().filename());
    }
  }
  return 0;
}

TEST_F(SshDeployTest, AnEndOfTheCaretakerIsNoticedByWhoLooksOnly) {
  ASSERT_OK_AND_ASSIGN(auto peer, Connect(Options()));
  ASSERT_OK_AND_ASSIGN(auto sender, DeployedSender::Put(*peer, ZCRX_SENDER, Deadline::In(kSoon)));
  EXPECT_TRUE(sender.IsThere());
  const pid_t caretaker = ProcessOf(sender.Path());
  ASSERT_NE(caretaker, 0);
  ::kill(caretaker, SIGKILL);
  EXPECT_OK(Becomes(
      "its end is noticed", [&] { return Result<bool>(!sender.IsThere()); }, Deadline::In(kSoon)));
  EXPECT_EQ(FoldersLeft(), 0);
}

// Starts nothing, and sees how long it might take.
class PatientPeer : public Peer {
 public:
  Result<std::unique_ptr<PeerProcess>> Run(const std::vector<std::string>& /*argv*/,
                                           Deadline deadline) override {
    given = deadline.Remaining();
    return Fail("start", ETIMEDOUT);
  }
  Result<std::unique_ptr<PeerFile>> Deploy(const std::string& /*path*/,
                                           const std::vector<std::string>& /*arguments*/,
                                           Deadline /*deadline*/) override {
    return Fail("deploy");
  }
  [[nodiscard]] std::string Name() const override { return "peer"; }

  Deadline::Clock::duration given{};
};

TEST(SenderStart, DoesNotWaitForAsLongAsASenderMayLive) {
  PatientPeer peer;
  ASSERT_OK_AND_ASSIGN(const SocketAddress endpoint, SocketAddress::Parse("192.0.2.1", 1));
  EXPECT_THAT(Sender::Start(peer, "sender", endpoint, {.lifetime = 1h}), FailsWith(ETIMEDOUT));
  EXPECT_LE(peer.given, 10s);
}

}  // namespace
}  // namespace zcrx
