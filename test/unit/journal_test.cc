#include "support/guard/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/base/files.h"
#include "support/nic_tool/options.h"
#include "test/unit/nic_states.h"

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void WriteFile(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

template <typename T>
std::string ErrorOf(const Result<T>& result) {
  return result ? "no error" : result.error().Text();
}

NicState Eth1() {
  NicState state = FullState();
  state.nic.interface = "eth1";
  state.nic.boot = BootId().value_or("unknown");
  return state;
}

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "zcrx-journal-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    parent_ = name;
    path_ = parent_ / "state";
  }
  void TearDown() override { std::filesystem::remove_all(parent_); }

  [[nodiscard]] Result<Journals> Open() const {
    ZCRX_ASSIGN_OR_RETURN(StateFolder folder, StateFolder::Open(path_));
    return Journals(std::move(folder));
  }

  std::filesystem::path parent_;
  std::string path_;
};

TEST_F(JournalTest, WhatWasWrittenIsFoundAndRemoved) {
  ASSERT_OK_AND_ASSIGN(const Journals journals, Open());
  ASSERT_OK_AND_ASSIGN(const Journal journal, MakeJournal(Eth1()));
  ASSERT_OK(journals.Write(journal));
  EXPECT_THAT(journals.Interfaces().value(), ElementsAre("eth1"));
  ASSERT_OK_AND_ASSIGN(const Journals::Leftover found, journals.Find("eth1"));
  EXPECT_EQ(found.journal, journal);
  EXPECT_EQ(found.said, "");

  ASSERT_OK(journals.Remove("eth1"));
  ASSERT_OK_AND_ASSIGN(const Journals::Leftover gone, journals.Find("eth1"));
  EXPECT_EQ(gone.journal, std::nullopt);
  EXPECT_THAT(journals.Interfaces().value(), IsEmpty());
  EXPECT_OK(journals.Remove("eth1"));
}

TEST_F(JournalTest, IsTheOwnersAlone) {
  ASSERT_OK_AND_ASSIGN(const Journals journals, Open());
  ASSERT_OK_AND_ASSIGN(const Journal journal, MakeJournal(Eth1()));
  ASSERT_OK(journals.Write(journal));
  struct stat info = {};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0700U);
  ASSERT_EQ(::stat(journals.PathOf("eth1").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
}

// What a message tells its reader to run: "... (zcrx_nic WORD...) ..."; nullopt where zcrx_nic does
// not take it.
std::optional<NicToolOptions> AdvisedIn(const std::string& message) {
  std::smatch advice;
  if (!std::regex_search(message, advice, std::regex(R"(\(zcrx_nic ([^)]*)\))"))) return {};
  std::istringstream text(advice[1]);
  const std::vector<std::string> words{std::istream_iterator<std::string>(text), {}};
  std::vector<const char*> arguments;
  arguments.reserve(words.size());
  for (const std::string& word : words) arguments.push_back(word.c_str());
  const Result<NicToolOptions> options = ParseNicToolOptions(arguments);
  return options ? std::optional(*options) : std::nullopt;
}

TEST_F(JournalTest, OneThatIsRefusedComesWithAdviceThatCanBeFollowed) {
  ASSERT_OK_AND_ASSIGN(const Journals journals, Open());
  WriteFile(journals.PathOf("eth1"), "not a journal");
  const auto found = journals.Find("eth1");
  ASSERT_FALSE(found.has_value());
  const auto advised = AdvisedIn(found.error().Text());
  ASSERT_TRUE(advised.has_value()) << found.error().Text();
  EXPECT_EQ(advised->command, NicCommand::kShow);
  EXPECT_THAT(advised->config, ElementsAre(Pair("NETIF", "eth1")));
}

TEST_F(JournalTest, CutAnywhereItIsRefusedByName) {
  ASSERT_OK_AND_ASSIGN(const Journals journals, Open());
  ASSERT_OK_AND_ASSIGN(const Journal journal, MakeJournal(Eth1()));
  const std::string whole = SealJournal(journal);
  for (size_t size = 0; size < whole.size(); ++size) {
    WriteFile(journals.PathOf("eth1"), whole.substr(0, size));
    const auto found = journals.Find("eth1");
    ASSERT_FALSE(found.has_value()) << "cut to " << size << " bytes";
    ASSERT_THAT(found.error().Text(), AllOf(HasSubstr(journals.PathOf("eth1")),
                                            HasSubstr("truncated"), HasSubstr("remove the file")));
  }
  EXPECT_EQ(ReadFile(journals.PathOf("eth1")), whole.substr(0, whole.size() - 1))
      << "one that is refused stays";
}

TEST_F(JournalTest, WithAnyBitFlippedItIsRefused) {
  ASSERT_OK_AND_ASSIGN(const Journal journal, MakeJournal(Eth1()));
  std::string text = SealJournal(journal);
  ASSERT_OK(UnsealJournal(text));
  for (char& byte : text) {
    for (int bit = 0; bit < 8; ++bit) {
      byte = static_cast<char>(byte ^ (1 << bit));
      ASSERT_FALSE(UnsealJournal(text).has_value()) << &byte - text.data();
      byte = static_cast<char>(byte ^ (1 << bit));
    }
  }
  EXPECT_FALSE(UnsealJournal(text + "\n").has_value());
  EXPECT_FALSE(UnsealJournal(text + text).has_value());
}

TEST_F(JournalTest, OfAnEarlierBootItIsRemovedAndThatIsSaid) {
  ASSERT_OK_AND_ASSIGN(const Journals journals, Open());
  ASSERT_OK_AND_ASSIGN(Journal journal, MakeJournal(Eth1()));
  journal.state.nic.boot = "00000000-0000-0000-0000-000000000000";
  ASSERT_OK(journals.Write(journal));
  ASSERT_OK_AND_ASSIGN(const Journals::Leftover found, journals.Find("eth1"));
  EXPECT_EQ(found.journal, std::nullopt);
  EXPECT_THAT(found.said, AllOf(HasSubstr("removed the journal " + journals.PathOf("eth1")),
                                HasSubstr("has booted since")));
  EXPECT_FALSE(std::filesystem::exists(journals.PathOf("eth1")));
}

TEST_F(JournalTest, OfAnotherInterfaceOrNamespaceItIsRefused) {
  ASSERT_OK_AND_ASSIGN(const Journals journals, Open());
  ASSERT_OK_AND_ASSIGN(Journal journal, MakeJournal(Eth1()));
  WriteFile(journals.PathOf("eth2"), SealJournal(journal));
  EXPECT_THAT(ErrorOf(journals.Find("eth2")), HasSubstr("it is a journal of eth1"));
  journal.net_namespace += 1;
  WriteFile(journals.PathOf("eth1"), SealJournal(journal));
  EXPECT_THAT(ErrorOf(journals.Find("eth1")), HasSubstr("another network namespace"));
}

TEST_F(JournalTest, AFolderIsMadeForItsOwnerAlone) {
  const mode_t before = ::umask(0002);
  for (const char* end : {"", "/", "//", "/."}) {
    const std::string path = path_ + end;
    ASSERT_OK_AND_ASSIGN(const StateFolder folder, StateFolder::Open(path));
    EXPECT_EQ(folder.Path(), path_);
    struct stat info = {};
    EXPECT_EQ(::stat(path_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0700U) << path;
    std::filesystem::remove(path_);
  }
  ::umask(before);
}

TEST_F(JournalTest, AFolderThatOthersCanWriteToIsRefused) {
  ASSERT_OK(Open());
  for (const mode_t mode : {0720U, 0702U, 0777U}) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    EXPECT_THAT(ErrorOf(Open()), HasSubstr("chmod 700 " + path_));
  }
}

TEST_F(JournalTest, AFolderOfSomebodyElseIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a folder away";
  ASSERT_OK(Open());
  ASSERT_EQ(::chown(path_.c_str(), 65534, 65534), 0);
  EXPECT_THAT(ErrorOf(Open()), AllOf(HasSubstr(path_), HasSubstr("belongs to user 65534")));
}

TEST_F(JournalTest, ALinkIsNoFolder) {
  ASSERT_OK(Open());
  const std::string link = parent_ / "link";
  std::filesystem::create_symlink(path_, link);
  EXPECT_THAT(ErrorOf(StateFolder::Open(link)), HasSubstr("ZCRX_STATE_DIR"));
}

TEST_F(JournalTest, TheFolderIsTheOneThatTheEnvironmentNames) {
  ::setenv("ZCRX_STATE_DIR", path_.c_str(), 1);
  EXPECT_EQ(StateFolder::Open().value().Path(), path_);
  ::unsetenv("ZCRX_STATE_DIR");
}

}  // namespace
}  // namespace zcrx
