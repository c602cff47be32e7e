#include "support/nic/huge_pages.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/base/unique_fd.h"

namespace zcrx {
namespace {

using testing::HasSubstr;

class HugePagesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "zcrx-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    WriteOthers(0, 0, 0);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& text) { std::ofstream(File()) << text; }
  void WriteOthers(int free, int promised, int surplus) {
    std::ofstream(folder_ / "free_hugepages") << free << '\n';
    std::ofstream(folder_ / "resv_hugepages") << static_cast<unsigned long>(promised) << '\n';
    std::ofstream(folder_ / "surplus_hugepages") << surplus << '\n';
  }
  std::string Read() {
    std::ifstream file(File());
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Reads each of `counts` for one look after the other, whatever is written.
  void Show(std::span<const int> counts) {
    constexpr size_t kOneRead = 32;
    constexpr int kReadsOfALook = 2;
    ASSERT_EQ(::mkfifo(File().c_str(), 0600), 0);
    kept_ = UniqueFd(::open(File().c_str(), O_RDWR | O_CLOEXEC));
    for (const int pages : counts) {
      std::string text = std::to_string(pages);
      text.resize(kOneRead, '\n');
      for (int i = 0; i < kReadsOfALook; ++i) {
        ASSERT_EQ(::write(kept_.Get(), text.data(), text.size()), ssize_t{kOneRead});
      }
    }
  }
  // As the kernel's file where it has no more memory, or where pages are in use.
  void Keep(int pages) { Show(std::vector(256, pages)); }
  // Returns what was written to a file that Show() has made, behind what it shows.
  std::string ReadWritten() {
    std::string text(size_t{64} << 10, '\0');
    const ssize_t size = ::read(kept_.Get(), text.data(), text.size());
    text.resize(size < 0 ? 0 : static_cast<size_t>(size));
    return text;
  }
  std::filesystem::path File() { return folder_ / "nr_hugepages"; }

  std::filesystem::path folder_;
  UniqueFd kept_;
};

TEST_F(HugePagesTest, FreeOnesAreThoseThatNobodyWasPromised) {
  Write("12\n");
  WriteOthers(5, 2, 0);
  ASSERT_OK_AND_ASSIGN(const HugePages pages, GetHugePages(folder_));
  EXPECT_EQ(pages.free, 3U);
  EXPECT_EQ(pages.used, 9U);
  EXPECT_EQ(pages.set_to, 12U);
}

TEST_F(HugePagesTest, WhatGoesWithItsUserIsNotOfThePool) {
  Write("12\n");
  WriteOthers(0, 0, 8);
  ASSERT_OK_AND_ASSIGN(const HugePages pages, GetHugePages(folder_));
  EXPECT_EQ(pages.set_to, 4U);
  EXPECT_EQ(pages.used, 12U);
}

TEST_F(HugePagesTest, CountsThatContradictEachOtherAreAnError) {
  Write("3\n");
  WriteOthers(0, 0, 8);
  const auto pages = GetHugePages(folder_, Deadline::In(std::chrono::milliseconds(20)));
  ASSERT_FALSE(pages.has_value());
  EXPECT_EQ(pages.error().code, ETIMEDOUT);
  EXPECT_THAT(pages.error().Text(), HasSubstr("last: 3 pages, 0 free, 0 reserved, 8 surplus"));
}

// An area whose mapping has ended and whose pages are still pinned.
TEST_F(HugePagesTest, PagesThatAreLeavingAreNotFree) {
  Write("6\n");
  WriteOthers(2, -6, 0);
  ASSERT_OK_AND_ASSIGN(const HugePages leaving, GetHugePages(folder_));
  EXPECT_EQ(leaving.set_to, 6U);
  EXPECT_EQ(leaving.free, 2U);
  EXPECT_EQ(leaving.used, 4U);
  WriteOthers(2, 5, 0);
  ASSERT_OK_AND_ASSIGN(const HugePages promised, GetHugePages(folder_));
  EXPECT_EQ(promised.free, 0U);
}

// They were freed while the pool shrank. The next reservation that ends takes them along.
TEST_F(HugePagesTest, StrandedOnesAreNotFree) {
  Write("20\n");
  WriteOthers(16, 0, 16);
  ASSERT_OK_AND_ASSIGN(const HugePages pages, GetHugePages(folder_));
  EXPECT_EQ(pages.set_to, 4U);
  EXPECT_EQ(pages.free, 0U);
  EXPECT_EQ(pages.used, 4U);
  EXPECT_EQ(pages.stranded, 16U);
}

TEST_F(HugePagesTest, ThePoolGrowsOverStrandedOnesAndShrinksAgain) {
  Keep(16);
  WriteOthers(16, 0, 16);
  const auto soon = Deadline::In(std::chrono::milliseconds(5));
  EXPECT_THAT(SetHugePages(3, folder_, soon), FailsWith(ETIMEDOUT));
  EXPECT_THAT(ReadWritten(), HasSubstr("\n3\n19\n3\n"));
}

// The kernel ends early where the thread has other work of its to do.
TEST_F(HugePagesTest, ThePoolIsSetUntilNoPageIsAdded) {
  Show(std::array{7, 12, 16});
  EXPECT_OK(SetHugePages(16, folder_));
  EXPECT_EQ(ReadWritten(), "16\n16\n16\n");
}

TEST_F(HugePagesTest, MemoryIsLackingOnceNoPageIsAdded) {
  Show(std::array{7, 12, 12});
  EXPECT_THAT(SetHugePages(16, folder_),
              FailsWithText(HasSubstr("(ENOMEM): the pool has 12 huge pages now")));
  EXPECT_EQ(ReadWritten(), "16\n16\n16\n");
}

TEST_F(HugePagesTest, AreReadAndWritten) {
  Write("12\n");
  EXPECT_OK(SetHugePages(7, folder_));
  EXPECT_EQ(Read(), "7\n");
  ASSERT_OK_AND_ASSIGN(const HugePages pages, GetHugePages(folder_));
  EXPECT_EQ(pages.set_to, 7U);
}

TEST_F(HugePagesTest, SurplusPagesOfOthersAreTheirs) {
  Keep(8);
  WriteOthers(0, 0, 8);
  EXPECT_OK(SetHugePages(0, folder_));
}

TEST_F(HugePagesTest, FewerThanAskedForAreAnError) {
  Keep(5);
  const Status set = SetHugePages(7, folder_);
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().code, ENOMEM);
  EXPECT_THAT(set.error().Text(), HasSubstr("the pool has 5 huge pages now"));
}

TEST_F(HugePagesTest, NonsenseIsAnError) {
  for (const char* text : {"", "\n", "many\n", "12 pages\n", "99999999999999999999999\n"}) {
    Write(text);
    const auto pages = GetHugePages(folder_);
    ASSERT_FALSE(pages.has_value()) << text;
    EXPECT_THAT(pages.error().Text(), HasSubstr("the file does not hold a number")) << text;
  }
}

TEST_F(HugePagesTest, AKernelWithoutThemIsAnErrorThatNamesTheFile) {
  const auto pages = GetHugePages(folder_);
  ASSERT_FALSE(pages.has_value());
  EXPECT_EQ(pages.error().code, ENOENT);
  EXPECT_THAT(pages.error().Text(), HasSubstr("nr_hugepages"));
  EXPECT_FALSE(SetHugePages(1, folder_).has_value());
}

TEST_F(HugePagesTest, ARefusedWriteIsAnError) {
  std::filesystem::create_symlink("/dev/full", File());
  const Status set = SetHugePages(64, folder_);
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().code, ENOSPC);
  EXPECT_THAT(set.error().Text(), HasSubstr("write 64 to"));
}

const Deadline kAtOnce = Deadline::In(std::chrono::seconds(0));

TEST_F(HugePagesTest, OneRunAtATimeMayChangeThem) {
  Write("0\n");
  HugePagesLock ours(folder_);
  HugePagesLock theirs(folder_);
  const auto look = [this] { return GetHugePages(folder_); };
  ASSERT_OK(theirs.Take(kAtOnce));
  EXPECT_OK(theirs.Take(kAtOnce)) << "again";
  EXPECT_TRUE(theirs.Look(look).has_value());
  EXPECT_THAT(ours.Take(kAtOnce), FailsWith(ETIMEDOUT));
  EXPECT_FALSE(ours.IsHeld());
  EXPECT_THAT(ours.Look(look), FailsWith(EBUSY));
  theirs.Release();
  ASSERT_OK_AND_ASSIGN(const HugePages pages, ours.Look(look));
  EXPECT_EQ(pages.set_to, 0U);
  EXPECT_OK(theirs.Take(kAtOnce)) << "a look is over at once";
}

// So a guardian goes on holding what its run had.
TEST_F(HugePagesTest, WhoInheritsTheLockHoldsItToo) {
  Write("0\n");
  HugePagesLock others(folder_);
  HugePagesLock inherited(UniqueFd{});
  {
    HugePagesLock ours(folder_);
    inherited = HugePagesLock(UniqueFd(::dup(ours.Fd())));
    ASSERT_OK(ours.Take(kAtOnce));
  }
  EXPECT_THAT(others.Take(kAtOnce), FailsWith(ETIMEDOUT));
  ASSERT_OK(inherited.Take(kAtOnce));
  inherited.Release();
  EXPECT_OK(others.Take(kAtOnce));
}

TEST_F(HugePagesTest, WithoutAPoolThereIsNothingToLock) {
  HugePagesLock none(folder_);
  EXPECT_LT(none.Fd(), 0);
  EXPECT_OK(none.Take(kAtOnce));
  EXPECT_TRUE(none.IsHeld());
}

}  // namespace
}  // namespace zcrx
