// "zcrx_sender caretaker": what it removes, and what it leaves alone.
#include "support/sender/caretaker.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "fixtures/result_matchers.h"
#include "test/unit/sender_program.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class CaretakerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "caretaker-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    top_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(top_); }

  // A folder with a file in it, last changed before `age`.
  std::filesystem::path Make(const std::string& name, std::chrono::seconds age = {}) const {
    const std::filesystem::path folder = top_ / name;
    std::filesystem::create_directory(folder);
    std::ofstream(folder / "sender") << "program";
    Age(folder, age);
    return folder;
  }
  static void Age(const std::filesystem::path& folder, std::chrono::seconds age) {
    std::filesystem::last_write_time(folder, std::filesystem::file_time_type::clock::now() - age);
  }
  // The name that PeerFile's folders have.
  static std::string Name(char digit) { return "zcrx-" + std::string(32, digit); }

  static std::unique_ptr<Program> Start(const std::filesystem::path& folder,
                                        std::chrono::milliseconds lease = kPatience) {
    auto caretaker = std::make_unique<Program>(
        std::vector<std::string>{"caretaker", "--file=" + (folder / "sender").string(),
                                 fmt::format("--lease-ms={}", lease.count())});
    EXPECT_EQ(caretaker->Line(), "READY\n");
    return caretaker;
  }

  std::filesystem::path top_;
};

TEST_F(CaretakerTest, RemovesFileAndFolderWhenTheCallerHasGone) {
  const auto folder = Make(Name('a'));
  const auto caretaker = Start(folder);
  EXPECT_TRUE(std::filesystem::exists(folder / "sender"));
  caretaker->CloseStdin();
  EXPECT_EQ(caretaker->Wait(), 0) << caretaker->errors();
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(CaretakerTest, RemovesThemWhenNoSignOfLifeComes) {
  const auto folder = Make(Name('a'));
  const auto caretaker = Start(folder, 300ms);
  EXPECT_EQ(caretaker->Wait(), 0) << caretaker->errors();
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(CaretakerTest, IsContentWhereTheCallerHasRemovedThem) {
  const auto folder = Make(Name('a'));
  const auto caretaker = Start(folder);
  std::filesystem::remove_all(folder);
  caretaker->CloseStdin();
  EXPECT_EQ(caretaker->Wait(), 0) << caretaker->errors();
}

TEST_F(CaretakerTest, RemovesWhatWasLeftBehindAndNothingElse) {
  const auto old = kLeftBehind + 1min;
  const auto left_behind = Make(Name('1'), old);
  const auto young = Make(Name('2'), kLeftBehind - 1min);
  const auto held = Make(Name('3'));
  const auto holder = Start(held);
  Age(held, old);
  const auto other_name = Make("zcrx-lab", old);
  const auto link = top_ / Name('4');
  std::filesystem::create_directory_symlink(other_name, link);
  const auto with_folder = Make(Name('5'), old);
  std::filesystem::create_directory(with_folder / "inner");
  Age(with_folder, old);

  const auto caretaker = Start(Make(Name('a')));

  EXPECT_FALSE(std::filesystem::exists(left_behind));
  EXPECT_TRUE(std::filesystem::exists(young / "sender"));
  EXPECT_TRUE(std::filesystem::exists(held / "sender"));
  EXPECT_TRUE(std::filesystem::exists(other_name / "sender"));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_TRUE(std::filesystem::exists(with_folder / "inner"));
}

TEST_F(CaretakerTest, TakesNoFolderThatTheSuiteHasNotMade) {
  for (const std::string& name :
       {std::string("bin"), "zcrx-" + std::string(31, 'a'), "zcrx-" + std::string(33, 'a'),
        "zcrx-" + std::string(32, 'A'), "zcrx-" + std::string(32, 'g')}) {
    SCOPED_TRACE(name);
    const auto folder = Make(name);
    Program caretaker({"caretaker", "--file=" + (folder / "sender").string(), "--lease-ms=1000"});
    caretaker.CloseStdin();
    EXPECT_EQ(caretaker.Wait(), 1);
    EXPECT_THAT(caretaker.errors(), HasSubstr("it is not a folder that the suite has made"));
    EXPECT_TRUE(std::filesystem::exists(folder / "sender"));
  }
}

TEST_F(CaretakerTest, BadUsageIsRefusedWithASentence) {
  for (const auto& [arguments, sentence] :
       std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"caretaker"}, "--file is missing"},
           {{"caretaker", "--file=/a"}, "--lease-ms is missing"},
           {{"caretaker", "--file=/a", "--lease-ms=0"},
            "--lease-ms \"0\": not a decimal number from 1 to 2147483647"},
           {{"caretaker", "--bytes=1"}, "unknown option \"--bytes\""}}) {
    Program caretaker(arguments);
    EXPECT_EQ(caretaker.Wait(), 2);
    EXPECT_THAT(caretaker.errors(), HasSubstr(sentence + "; see --help\n"));
  }
}

}  // namespace
}  // namespace zcrx
