// A folder in place of debugfs and /proc, with the files of the kernel's fault injection.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace zcrx {

class FaultFilesTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] const std::filesystem::path& Folder() const { return folder_; }
  void Write(const std::string& file, const std::string& value) {
    std::filesystem::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file) << value;
  }
  std::string Read(const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(folder_ / file).rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / fmt::format("faults.{}", ::getpid());
};

}  // namespace zcrx
