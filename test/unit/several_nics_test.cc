// Several NICs under ctest: its resources, and which of them a run takes.
#include "support/config/several_nics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>
#include <vector>

#include "fixtures/result_matchers.h"

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

struct Ran {
  int status = -1;
  std::string output;  // both streams
};

class SeveralNics : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "zcrx-nics-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    first_ = Put("first", "NETIF=eth1\n" + kRest);
    second_ = Put("second", "NETIF=eth2.7\n" + kRest);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string Put(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  [[nodiscard]] Allotment Of(const std::string& resource) const {
    return {.nics = first_ + ":" + second_, .resource = resource, .netif = {}};
  }
  // In the folder, in an environment of these assignments.
  [[nodiscard]] Ran Run(const std::string& environment, const std::string& command) const {
    Ran ran;
    const std::string line = fmt::format("cd '{}' && env -i PATH=/usr/bin:/bin {} {} 2>&1",
                                         folder_.string(), environment, command);
    std::FILE* const pipe = ::popen(line.c_str(), "r");
    if (pipe == nullptr) return ran;
    std::array<char, 4096> buffer;
    while (const size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
      ran.output.append(buffer.data(), size);
    }
    const int status = ::pclose(pipe);
    ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ran;
  }

  const std::string kRest =
      "LOCAL_V4=192.0.2.1\nREMOTE_V4=192.0.2.2\nREMOTE_TYPE=ssh\nREMOTE_ARGS=peer\n";
  std::filesystem::path folder_;
  std::string first_;
  std::string second_;
};

TEST_F(SeveralNics, AreReadInTheirOrder) {
  ASSERT_OK_AND_ASSIGN(const auto files, ReadNicFiles(second_ + ":" + first_));
  EXPECT_THAT(files, ElementsAre(NicFile{second_, "eth2.7"}, NicFile{first_, "eth1"}));
}

TEST_F(SeveralNics, WhatNamesNoNicOrTwoIsRefusedInASentence) {
  const auto refusal = [](const std::string& list) {
    const auto files = ReadNicFiles(list);
    return files.has_value() ? "it was taken" : files.error().Text();
  };
  EXPECT_THAT(refusal(first_ + ":"), HasSubstr("\"\" of ZCRX_NICS: not an absolute path"));
  EXPECT_THAT(refusal(first_ + ":second"), HasSubstr("\"second\" of ZCRX_NICS: not an absolute"));
  EXPECT_THAT(refusal(folder_ / "none"), AllOf(HasSubstr("none"), HasSubstr("ENOENT")));
  EXPECT_THAT(refusal(Put("empty", kRest)), HasSubstr("NETIF is missing"));
  EXPECT_THAT(refusal(Put("odd", "NETIF=\"eth1 eth2\"\n")),
              HasSubstr("not a valid interface name"));
  EXPECT_THAT(refusal(Put("text", "eth1\n")), HasSubstr("\"eth1\" is not KEY=VALUE"));
  EXPECT_THAT(refusal(Put("both", "NETIF=eth1\nNETIF=eth3\n")),
              HasSubstr("it names two NICs, eth1 and eth3: one file is for one"));
  const std::string again = Put("again", "NETIF=eth1\n");
  EXPECT_THAT(refusal(first_ + ":" + again),
              HasSubstr(fmt::format("eth1 is the NIC of {} and of {}", first_, again)));
}

TEST_F(SeveralNics, HaveIdsThatCtestTakesAndThatDiffer) {
  EXPECT_EQ(ResourceId("enp5s0f1np1"), "enp5s0f1np1");
  EXPECT_EQ(ResourceId("eth2.7"), "eth2_2e7");
  EXPECT_EQ(ResourceId("Eth_1"), "_45th_5f1");
  EXPECT_THAT(ResourceId("\xc3\xa4:@"), MatchesRegex("[a-z0-9_]+"));
}

TEST_F(SeveralNics, EachRunTakesTheOneThatItWasAllotted) {
  EXPECT_THAT(AllottedFile(Of("id:eth1,slots:1")), IsOkAndHolds(first_));
  EXPECT_THAT(AllottedFile(Of("id:eth2_2e7,slots:1")), IsOkAndHolds(second_));
}

TEST_F(SeveralNics, AnythingElseIsASentence) {
  const auto refusal = [](const Allotment& allotment) {
    const auto file = AllottedFile(allotment);
    return file.has_value() ? "it was taken" : file.error().Text();
  };
  EXPECT_THAT(refusal(Of("")), HasSubstr("ctest has allotted none: start it with "
                                         "--resource-spec-file (zcrx_nic ctest-resources)"));
  EXPECT_THAT(refusal(Of("id:eth3,slots:1")),
              HasSubstr("ctest has allotted \"eth3\", which is not the NIC of any file"));
  for (const char* several : {"id:eth1,slots:1;id:eth2_2e7,slots:1", "id:eth1,slots:2", "eth1"}) {
    EXPECT_THAT(refusal(Of(several)), HasSubstr("a test takes one NIC")) << several;
  }
  Allotment both = Of("id:eth1,slots:1");
  both.netif = "eth1";
  EXPECT_THAT(refusal(both), HasSubstr("ZCRX_NICS and NETIF are both in the environment"));
}

// The form of the list, and of what it makes of it, are ctest's.
TEST_F(SeveralNics, CtestTakesTheListAndAllotsFromIt) {
  ASSERT_OK_AND_ASSIGN(const auto files, ReadNicFiles(first_ + ":" + second_));
  std::ignore = Put("resources.json", ResourceSpec(files));
  std::ignore = Put("CTestTestfile.cmake",
                    "add_test(one /usr/bin/env)\n"
                    "set_tests_properties(one PROPERTIES RESOURCE_GROUPS zcrx:1)\n");
  const std::string command = std::string(CTEST_PROGRAM) + " -V";
  const Ran with = Run("", command + " --resource-spec-file resources.json");
  EXPECT_EQ(with.status, 0) << with.output;
  EXPECT_THAT(with.output,
              testing::ContainsRegex("CTEST_RESOURCE_GROUP_0_ZCRX=id:(eth1|eth2_2e7),slots:1\n"));
  EXPECT_THAT(Run("", command).output, Not(HasSubstr("CTEST_RESOURCE_GROUP")));
}

TEST_F(SeveralNics, TheProgramReadsTheConfigurationOfItsOwn) {
  const std::string nics = fmt::format("ZCRX_NICS={}:{}", first_, second_);
  const std::string passes = std::string(PROGRAM_HELPER) + " --gtest_filter=Helper.Passes";
  const Ran ran = Run(nics + " CTEST_RESOURCE_GROUP_0_ZCRX=id:eth2_2e7,slots:1", passes);
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("opened eth2.7\n"));

  const Ran unallotted = Run(nics, passes);
  EXPECT_EQ(unallotted.status, 2);
  EXPECT_THAT(unallotted.output, HasSubstr("ctest has allotted none"));
  EXPECT_THAT(Run(nics, passes + " --config=" + first_).output, HasSubstr("opened eth1\n"));
  EXPECT_EQ(Run(nics, PROGRAM_HELPER).status, 2) << "it has NICs";
  EXPECT_EQ(Run(nics, std::string(PROGRAM_HELPER) + " --check").status, 2);
  EXPECT_EQ(Run(nics, std::string(PROGRAM_HELPER) + " --gtest_filter=FreeHelper.*").status, 0);
}

}  // namespace
}  // namespace zcrx
