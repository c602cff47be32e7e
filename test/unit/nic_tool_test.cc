// zcrx_nic: its arguments, its files, and the program itself on the loopback interface, which it
// can read everywhere and has nothing to change on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/guard/nic_lock.h"
#include "support/nic_tool/options.h"
#include "support/nic_tool/snapshot_file.h"
#include "test/unit/nic_states.h"

namespace zcrx {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

Result<NicToolOptions> Parse(std::vector<const char*> arguments) {
  return ParseNicToolOptions(arguments);
}
std::string Refusal(const std::vector<const char*>& arguments) {
  const auto options = Parse(arguments);
  return options.has_value() ? "it was taken" : options.error().Text();
}

TEST(NicToolOptions, FlagsStandAnywhere) {
  for (const auto& arguments : {std::vector{"--netif=eth1", "--config=a", "diff", "FILE"},
                                std::vector{"diff", "--config=a", "FILE", "--netif=eth1"}}) {
    const auto options = Parse(arguments);
    ASSERT_TRUE(options.has_value()) << options.error().Text();
    EXPECT_EQ(options->command, NicCommand::kDiff);
    EXPECT_EQ(options->file, "FILE");
    EXPECT_EQ(options->config_file, "a");
    EXPECT_THAT(options->config, ElementsAre(Pair("NETIF", "eth1")));
  }
}

TEST(NicToolOptions, AValueMayStandBehindItsFlag) {
  const auto options =
      Parse({"--netif", "eth1", "--config", "a", "--wait", "30", "restore", "FILE"});
  ASSERT_TRUE(options.has_value()) << options.error().Text();
  EXPECT_EQ(options->command, NicCommand::kRestore);
  EXPECT_EQ(options->file, "FILE");
  EXPECT_EQ(options->config_file, "a");
  EXPECT_EQ(options->wait, std::chrono::seconds(30));
  EXPECT_THAT(options->config, ElementsAre(Pair("NETIF", "eth1")));
  EXPECT_EQ(Parse({"--all", "restore"}).value_or(NicToolOptions{}).command, NicCommand::kRestore);
}

TEST(NicToolOptions, EachCommandHasItsOwn) {
  EXPECT_EQ(Parse({"show"}).value_or(NicToolOptions{}).command, NicCommand::kShow);
  EXPECT_EQ(Parse({"snapshot", "f"}).value_or(NicToolOptions{}).command, NicCommand::kSnapshot);
  EXPECT_EQ(Parse({"restore", "f"}).value_or(NicToolOptions{}).file, "f");
  const auto all = Parse({"restore", "--all"});
  EXPECT_TRUE(all.has_value() && all->all && all->command == NicCommand::kRestore);
  EXPECT_EQ(Parse({"diff", "--help"}).value_or(NicToolOptions{}).command, NicCommand::kHelp);
}

TEST(NicToolOptions, WhatIsNoneOfThemIsRefusedInASentence) {
  EXPECT_THAT(Refusal({}), StartsWith("no command; see --help"));
  EXPECT_THAT(Refusal({"reset"}), StartsWith("unknown command \"reset\"; see --help"));
  EXPECT_THAT(Refusal({"snapshot"}), StartsWith("snapshot needs a FILE; see --help"));
  EXPECT_THAT(Refusal({"show", "f"}), StartsWith("show: unexpected argument \"f\"; see --help"));
  EXPECT_THAT(Refusal({"diff", "f", "g"}), StartsWith("diff: unexpected argument \"g\""));
  EXPECT_THAT(Refusal({"show", "--netif"}), StartsWith("--netif needs a value"));
  EXPECT_THAT(Refusal({"show", "--config="}), StartsWith("--config needs a value"));
  EXPECT_THAT(Refusal({"show", "--netif=a", "--netif=b"}), StartsWith("--netif is given twice"));
  EXPECT_THAT(Refusal({"show", "--force"}), StartsWith("unknown option \"--force\""));
  EXPECT_THAT(Refusal({"diff", "f", "--all"}), StartsWith("--all is only for restore"));
  EXPECT_THAT(Refusal({"restore", "f", "--all"}), HasSubstr("without a FILE"));
  EXPECT_THAT(Refusal({"show", "--wait=1"}), StartsWith("--wait is only for restore"));
}

class Snapshots : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "snapshots-XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string Path(const std::string& name) const { return folder_ / name; }
  std::string Put(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name)) << text;
    return Path(name);
  }
  [[nodiscard]] std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

 private:
  std::filesystem::path folder_;
};

std::string ErrorOf(const Status& status) {
  return status.has_value() ? "no error" : status.error().Text();
}

TEST_F(Snapshots, AreReadAsTheyWereWrittenAndForTheirOwnerOnly) {
  ASSERT_TRUE(WriteSnapshot(Path("a"), FullState()).has_value());
  EXPECT_EQ(ReadSnapshot(Path("a")).value_or(NicState{}), FullState());
  struct stat info = {};
  ASSERT_EQ(::stat(Path("a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_THAT(Names(), ElementsAre("a"));
}

TEST_F(Snapshots, ReplaceOneOfTheSameNic) {
  ASSERT_TRUE(WriteSnapshot(Path("a"), FullState()).has_value());
  NicState later = FullState();
  later.nic.boot = "the next";
  later.mtu = 9000;
  EXPECT_EQ(ErrorOf(WriteSnapshot(Path("a"), later)), "no error");
  EXPECT_EQ(ReadSnapshot(Path("a")).value_or(NicState{}), later);
}

TEST_F(Snapshots, ReplaceNothingElse) {
  NicState other = FullState();
  other.nic.bus = "0000:00:05.0";
  ASSERT_TRUE(WriteSnapshot(Path("other"), other).has_value());
  EXPECT_THAT(
      ErrorOf(WriteSnapshot(Path("other"), FullState())),
      HasSubstr("the file exists and is a snapshot of another NIC: nic0 bnxt_en, 0000:00:05.0"));
  EXPECT_EQ(ReadSnapshot(Path("other")).value_or(NicState{}), other);

  const std::string letter = Put("letter", "Dear all,\n");
  EXPECT_THAT(ErrorOf(WriteSnapshot(letter, FullState())),
              HasSubstr("the file exists and is not a snapshot"));
  std::filesystem::create_directory(Path("folder"));
  EXPECT_THAT(ErrorOf(WriteSnapshot(Path("folder"), FullState())), HasSubstr("is not a snapshot"));
  // Not what the link leads to, nor the link.
  ASSERT_TRUE(WriteSnapshot(Path("a"), FullState()).has_value());
  std::filesystem::create_symlink(Path("a"), Path("link"));
  EXPECT_THAT(ErrorOf(WriteSnapshot(Path("link"), FullState())), HasSubstr("is not a snapshot"));
  EXPECT_EQ(std::filesystem::file_size(letter), 10U);
  EXPECT_THAT(Names(), testing::UnorderedElementsAre("other", "letter", "folder", "a", "link"));
}

TEST_F(Snapshots, ThatCannotBeReadAreNamed) {
  EXPECT_EQ(ErrorOf(WriteSnapshot(Path("none/a"), FullState())),
            "write snapshot " + Path("none/a") + ": No such file or directory (ENOENT)");
  const auto gone = ReadSnapshot(Path("gone"));
  EXPECT_THAT(ErrorOf(gone.has_value() ? Status() : std::unexpected(gone.error())),
              HasSubstr("ENOENT"));
  const auto cut = ReadSnapshot(Put("cut", "{\n"));
  EXPECT_THAT(ErrorOf(cut.has_value() ? Status() : std::unexpected(cut.error())),
              HasSubstr("cut: Bad message (EBADMSG): parse error at line 2"));
  ASSERT_EQ(::mkfifo(Path("fifo").c_str(), 0600), 0);
  EXPECT_FALSE(ReadSnapshot(Path("fifo")).has_value());
  EXPECT_FALSE(ReadSnapshot("/dev/zero").has_value());
}

struct Ran {
  int status = -1;
  std::string output;  // both streams
};

// The program, with no configuration but its arguments.
class NicTool : public Snapshots {
 protected:
  [[nodiscard]] Ran Run(const std::string& arguments, const std::string& variables = "") const {
    Ran ran;
    const std::string command = fmt::format("cd '{}' && env -u NETIF -u ZCRX_NICS {} '{}' {} 2>&1",
                                            Path(""), variables, ZCRX_NIC_PROGRAM, arguments);
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return ran;
    std::array<char, 4096> buffer;
    while (const size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
      ran.output.append(buffer.data(), size);
    }
    const int status = ::pclose(pipe);
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ran;
  }
  [[nodiscard]] std::string Read(const std::string& name) const {
    std::ifstream file(Path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(NicTool, WritesWhatItFindsAndFindsItUnchanged) {
  const Ran show = Run("show --netif=lo");
  EXPECT_EQ(show.status, 0) << show.output;
  EXPECT_THAT(show.output, HasSubstr("\n\"interface\":\"lo\",\n"));
  EXPECT_THAT(show.output, HasSubstr("\n\"mtu\":"));
  Put("net.config", "NETIF=lo\n");
  const Ran snapshot = Run("snapshot a");
  EXPECT_EQ(snapshot.status, 0);
  EXPECT_EQ(snapshot.output, "");
  const Ran diff = Run("diff a");
  EXPECT_EQ(diff.status, 0);
  EXPECT_EQ(diff.output, "");
  const Ran restore = Run("restore a");
  EXPECT_EQ(restore.status, 0);
  EXPECT_EQ(restore.output, "lo: nothing to do\n");
}

TEST_F(NicTool, LeavesTheNicToWhoHasIt) {
  ASSERT_EQ(Run("--netif=lo snapshot a").status, 0);
  {
    const auto lock = NicLock::Take("lo", std::chrono::seconds(0));
    ASSERT_TRUE(lock.has_value()) << lock.error().Text();
    const Ran restore = Run("--netif=lo restore a");
    EXPECT_EQ(restore.status, 1);
    EXPECT_THAT(restore.output, StartsWith("zcrx_nic: lo is in use by process"));
  }
  EXPECT_EQ(Run("--netif=lo restore a").status, 0);
}

TEST_F(NicTool, SaysWhatDiffers) {
  ASSERT_EQ(Run("--netif=lo snapshot a").status, 0);
  auto wanted = ReadSnapshot(Path("a"));
  ASSERT_TRUE(wanted.has_value()) << wanted.error().Text();
  const uint32_t mtu = wanted->mtu;
  wanted->mtu = 0xffffffff;  // no interface takes it
  Put("b", SerializeNicState(*wanted));
  const std::string sentence = fmt::format("lo: MTU was 4294967295, is {}\n", mtu);
  const Ran diff = Run("--netif=lo diff b");
  EXPECT_EQ(diff.status, 1);
  EXPECT_EQ(diff.output, sentence);
  const Ran restore = Run("--netif=lo restore b");
  EXPECT_EQ(restore.status, 1);
  EXPECT_THAT(restore.output, HasSubstr(sentence));
  EXPECT_THAT(restore.output, HasSubstr("zcrx_nic: set MTU of lo to 4294967295"));
}

TEST_F(NicTool, ListsNicsForCtest) {
  const std::string nics = "ZCRX_NICS=" + Put("lo", "NETIF=lo\n");
  const Ran ran = Run("ctest-resources", nics);
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("{\"zcrx\": [\n      {\"id\": \"lo\", \"slots\": 1}\n"));

  const Ran gone = Run("ctest-resources", nics + ":" + Put("gone", "NETIF=eth7x\n"));
  EXPECT_EQ(gone.status, 2);
  EXPECT_THAT(gone.output,
              HasSubstr("gone: open NIC eth7x: no network interface eth7x; there are: "));
  const Ran twice = Run("ctest-resources", nics + ":" + Put("again", "NETIF=lo\n"));
  EXPECT_EQ(twice.status, 2);
  EXPECT_THAT(twice.output, HasSubstr("lo is the NIC of "));
  EXPECT_THAT(Run("ctest-resources").output, HasSubstr("ZCRX_NICS is not set"));
}

TEST_F(NicTool, BadUsageIsASentenceAndStatus2) {
  ASSERT_EQ(Run("--netif=lo snapshot a").status, 0);
  NicState other = FullState();
  Put("other", SerializeNicState(other));
  other = ReadSnapshot(Path("a")).value_or(NicState{});
  other.nic.boot = "yesterday";
  Put("yesterday", SerializeNicState(other));
  const std::string text = Read("a");
  Put("cut", text.substr(0, text.size() / 2));
  for (const auto& [arguments, sentence] :
       {std::pair("", "no command"), std::pair("show", "NETIF is missing"),
        std::pair("--netif=eth7x show", "no network interface eth7x; there are: "),
        std::pair("--netif=a/b show", "is not a valid interface name"),
        std::pair("--netif=lo --config=none show", "No such file or directory"),
        std::pair("--netif=lo diff none", "No such file or directory"),
        std::pair("--netif=lo diff cut", "parse error at line"),
        std::pair("--netif=lo restore cut", "parse error at line"),
        std::pair("--netif=lo diff other",
                  "it is the state of another NIC: its driver was bnxt_en"),
        std::pair("--netif=lo restore other", "it is the state of another NIC"),
        std::pair("--netif=lo restore yesterday", "it is from an earlier boot"),
        std::pair("--netif=lo snapshot other", "the file exists and is a snapshot of another NIC"),
        std::pair("--netif=lo snapshot .", "the file exists and is not a snapshot")}) {
    const Ran ran = Run(arguments);
    EXPECT_EQ(ran.status, 2) << arguments;
    EXPECT_THAT(ran.output, StartsWith("zcrx_nic: ")) << arguments;
    EXPECT_THAT(ran.output, HasSubstr(sentence)) << arguments;
    EXPECT_EQ(std::count(ran.output.begin(), ran.output.end(), '\n'), 1) << ran.output;
  }
  EXPECT_THAT(Run("--help").output, HasSubstr("Exit status: 0 "));
  EXPECT_EQ(Run("--help").status, 0);
  EXPECT_THAT(Run("--version").output, StartsWith("zcrx_nic 0."));
  EXPECT_EQ(Run("--version").status, 0);
}

}  // namespace
}  // namespace zcrx
