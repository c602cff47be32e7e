// Runs a real program of tests, program_helper, in a folder of its own.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/base/deadline.h"
#include "support/base/wait.h"

namespace zcrx {

inline constexpr std::chrono::seconds kPatience{20};  // for what happens at once

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Outcome {
  int exit = -1;  // exit status, -1 where a signal ended it
  int signal = 0;
  std::string output;  // stdout and stderr
};

// Standard output becomes a pipe that nobody reads.
inline bool WriteToNobody() {
  std::array<int, 2> ends{};
  return ::pipe(ends.data()) == 0 && ::close(ends[0]) == 0 && ::dup2(ends[1], STDOUT_FILENO) >= 0;
}

class ProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "zcrx-program-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // In a folder and an environment of its own. `meanwhile` is called once it runs.
  Outcome Run(const std::vector<std::string>& arguments, const std::string& mode = "",
              const std::function<void(pid_t)>& meanwhile = {}) const {
    std::vector<std::string> words = {PROGRAM_HELPER};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::string variable = "HELPER_MODE=" + mode;
    char* const environment[] = {variable.data(), nullptr};
    const std::string log = folder_ / "log";

    const pid_t child = ::fork();
    if (child == 0) {
      if (::chdir(folder_.c_str()) != 0 || std::freopen(log.c_str(), "w", stdout) == nullptr ||
          ::dup2(STDOUT_FILENO, STDERR_FILENO) < 0 || (mode == "no-reader" && !WriteToNobody())) {
        ::_exit(126);
      }
      ::execve(argv[0], argv.data(), environment);
      ::_exit(127);
    }
    int status = 0;
    if (meanwhile) meanwhile(child);
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    Outcome outcome;
    if (WIFEXITED(status)) outcome.exit = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
    outcome.output = ReadFile(log);
    return outcome;
  }
  Outcome RunTests(const std::string& filter, std::vector<std::string> more = {},
                   const std::string& mode = "",
                   const std::function<void(pid_t)>& meanwhile = {}) const {
    more.insert(more.end(),
                {"--netif=eth1", "--local-v4=192.0.2.1", "--remote-v4=192.0.2.2",
                 "--remote-type=ssh", "--remote-args=peer", "--gtest_filter=" + filter});
    return Run(more, mode, meanwhile);
  }
  // Until the program has said `text`.
  void WaitUntilItSays(const std::string& text) const {
    EXPECT_OK(Becomes(
        "it says " + text, [&] { return Result<bool>(ReadFile(folder_ / "log").contains(text)); },
        Deadline::In(kPatience)));
  }
  std::string Report() const { return ReadFile(folder_ / "junit.xml"); }
  void ExpectWellFormed() const {
    if (std::system("xmllint --version >/dev/null 2>&1") != 0) return;
    EXPECT_EQ(std::system(("xmllint --noout " + (folder_ / "junit.xml").string()).c_str()), 0);
  }

  std::filesystem::path folder_;
};

}  // namespace zcrx
