#include "support/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fixtures/result_matchers.h"
#include "support/config/config_file.h"

namespace zcrx {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StrEq;

// In a folder of its own, so that no net.config lies about.
class ConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "zcrx-config-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(folder_);
  }
  void TearDown() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }
  static void WriteFile(const std::string& name, const std::string& text) {
    std::ofstream(name) << text;
  }
  static std::string ErrorOf(const ConfigSources& sources) {
    const Result<Config> config = LoadConfig(sources);
    return config.has_value() ? "no error" : config.error().Text();
  }

  std::filesystem::path folder_;
  std::filesystem::path before_;
};

const KeyValues kComplete = {{"NETIF", "eth1"},
                             {"LOCAL_V6", "2001:db8:1::1"},
                             {"REMOTE_V6", "2001:db8:1::2"},
                             {"REMOTE_TYPE", "ssh"},
                             {"REMOTE_ARGS", "root@peer:2222"}};

// An altname's: ALTIFNAMSIZ less its NUL.
const std::string kLongestName(127, 'n');

KeyValues CompleteBut(const std::string& key, const std::string& value) {
  KeyValues values = kComplete;
  values.emplace_back(key, value);
  return values;
}

TEST_F(ConfigTest, ReadsTheSelftestsFile) {
  WriteFile("net.config",
            "# the lab\n"
            "NETIF=eth1\n"
            "LOCAL_V4=\"192.0.2.1\"\n"
            "REMOTE_V4 = '192.0.2.2'   # the peer\n"
            "\tREMOTE_TYPE=ssh\r\n"
            "REMOTE_ARGS=\"root@peer\"\n"
            "LOCAL_PREFIX_V6=2001:db8:2::0/64\n");
  ASSERT_OK_AND_ASSIGN(const Config config,
                       LoadConfig({.flags = {}, .environment = {}, .file = ""}));
  EXPECT_EQ(config.netif, "eth1");
  EXPECT_EQ(config.v4, (AddressPair{"192.0.2.1", "192.0.2.2"}));
  EXPECT_EQ(config.v6, std::nullopt);
  EXPECT_EQ(config.remote, (SshTarget{"root", "peer", 0}));
  EXPECT_EQ(config.remote_dir, "/tmp");
  EXPECT_THAT(config.sender, HasSubstr("/zcrx_sender"));
}

TEST_F(ConfigTest, FlagsWinOverTheEnvironmentAndThatOverTheFile) {
  WriteFile("lab.config", "NETIF=file\nREMOTE_ARGS=file\nREMOTE_TYPE=ssh\n");
  ASSERT_OK_AND_ASSIGN(const Config config,
                       LoadConfig({.flags = {{"NETIF", "flag"}},
                                   .environment = {{"NETIF", "env"},
                                                   {"REMOTE_ARGS", "env"},
                                                   {"REMOTE_TYPE", ""},
                                                   {"LOCAL_V4", "192.0.2.1"},
                                                   {"REMOTE_V4", "192.0.2.2"},
                                                   {"ZCRX_PORT", "5201"},
                                                   {"ZCRX_WAIT", "30"},
                                                   {"ZCRX_SSH_TIMEOUT", "60"},
                                                   {"ZCRX_PROMISED", "header-split, events"}},
                                   .file = "lab.config"}));
  EXPECT_EQ(config.netif, "flag");
  EXPECT_EQ(config.remote.host, "env");
  EXPECT_EQ(config.port, 5201);
  EXPECT_EQ(config.wait, std::chrono::seconds(30));
  EXPECT_EQ(config.ssh_timeout, std::chrono::seconds(60));
  EXPECT_THAT(config.promised, ElementsAre("events", "header-split"));
}

// As Python's and the shell's parts of the kernel's selftests are told.
TEST_F(ConfigTest, ReadsYesAndNoAsTheSelftestsDo) {
  const auto disruptive = [](const std::string& value) {
    const auto config =
        LoadConfig({.flags = CompleteBut("DISRUPTIVE", value), .environment = {}, .file = ""});
    EXPECT_OK(config);
    return config->disruptive;
  };
  for (const char* yes : {"", "yes", "True", "1", "-1"}) EXPECT_TRUE(disruptive(yes)) << yes;
  for (const char* no : {"no", "False", "0", "NO"}) EXPECT_FALSE(disruptive(no)) << no;
  ASSERT_OK_AND_ASSIGN(
      const Config slow,
      LoadConfig({.flags = kComplete, .environment = {{"KSFT_MACHINE_SLOW", "yes"}}, .file = ""}));
  EXPECT_TRUE(slow.machine_slow);
  ASSERT_OK_AND_ASSIGN(const Config other,
                       LoadConfig({.flags = kComplete, .environment = {}, .file = ""}));
  EXPECT_FALSE(other.machine_slow);
}

TEST_F(ConfigTest, NothingGivenNamesEverythingMissing) {
  EXPECT_THAT(ErrorOf({.flags = {}, .environment = {}, .file = ""}),
              AllOf(HasSubstr("NETIF is missing"), HasSubstr("LOCAL_V4 and REMOTE_V4"),
                    HasSubstr("REMOTE_TYPE is missing"), HasSubstr("REMOTE_ARGS is missing")));
}

TEST_F(ConfigTest, AllThatIsWrongStandsInOneMessageWithItsSource) {
  WriteFile("net.config",
            "NETIF=eth1\nLOCAL_V4=192.0.2.300\njust words\nREMOTE_ARGS=\"-oProxy=x\n");
  EXPECT_THAT(ErrorOf({.flags = {{"REMOTE_TYPE", "netns"}},
                       .environment = {{"REMOTE_V4", "x\ny"}},
                       .file = ""}),
              AllOf(HasSubstr(R"(LOCAL_V4 = "192.0.2.300" (net.config:2) is not an IPv4 address)"),
                    HasSubstr("net.config line 3: \"just words\" is not KEY=VALUE"),
                    HasSubstr("net.config line 4: the closing quote is missing"),
                    HasSubstr(R"(REMOTE_V4 = "x\x0ay" (environment))"),
                    HasSubstr("REMOTE_TYPE = \"netns\" (--remote-type) is not supported"),
                    HasSubstr("REMOTE_ARGS is missing"), Not(HasSubstr("NETIF"))));
}

TEST_F(ConfigTest, RefusesValuesThatCannotWork) {
  struct Case {
    const char* key;
    std::string value;
    const char* reason;
  };
  for (const Case& wrong : {
           Case{"NETIF", kLongestName + "x", "is not a valid interface name"},
           Case{"NETIF", "../eth1", "is not a valid interface name"},
           Case{"NETIF", "eth 1", "is not a valid interface name"},
           Case{"NETIF", "..", "is not a valid interface name"},
           Case{"LOCAL_V6", "192.0.2.1", "is not an IPv6 address"},
           Case{"ZCRX_PORT", "0", "is not a TCP port"},
           Case{"ZCRX_PORT", "65536", "is not a TCP port"},
           Case{"ZCRX_PORT", "80x", "is not a TCP port"},
           Case{"ZCRX_WAIT", "-1", "is not a number of seconds"},
           Case{"ZCRX_WAIT", "5s", "is not a number of seconds"},
           Case{"ZCRX_WAIT", "604801", "is not a number of seconds (0 to 604800)"},
           Case{"DISRUPTIVE", "maybe", "is not yes, no, true, false or a number"},
           Case{"KSFT_MACHINE_SLOW", "1x", "is not yes, no, true, false or a number"},
           Case{"LOCAL_V6", "2001:db8::1::1", "is not an IPv6 address"},
           Case{"LOCAL_V6", "fe80::1%eth1", "has a scope"},
           Case{"LOCAL_V6", "fe80::1", "is link-local"},
           Case{"LOCAL_V6", "::1", "is a loopback address"},
           Case{"LOCAL_V6", "::", "is the unspecified address"},
           Case{"LOCAL_V6", "ff02::1", "is a multicast address"},
           Case{"LOCAL_V6", "::ffff:192.0.2.1", "is an IPv4-mapped IPv6 address"},
           Case{"REMOTE_V6", "2001:DB8:1:0::1", "is also the local address"},
           Case{"LOCAL_V4", "127.0.0.2", "is a loopback address"},
           Case{"LOCAL_V4", "192.0.2.1/24", "is not an IPv4 address"},
           Case{"LOCAL_V4", "192.0.2.1", "REMOTE_V4 is missing"},
           Case{"REMOTE_TYPE", "telnet", "is not supported"},
           Case{"REMOTE_ARGS", "-oProxyCommand=id", "is not an SSH login"},
           Case{"ZCRX_SENDER", "/nonexistent", "cannot be read: No such file"},
           Case{"ZCRX_SSH_CONFIG", "/nonexistent", "cannot be read: No such file"},
           Case{"ZCRX_SSH_TIMEOUT", "0", "is not a number of seconds (1 to 604800)"},
           Case{"ZCRX_SSH_TIMEOUT", "soon", "is not a number of seconds"},
           Case{"ZCRX_REMOTE_DIR", "tmp", "is not an absolute path"},
       }) {
    SCOPED_TRACE(fmt::format("{}={}", wrong.key, wrong.value));
    EXPECT_THAT(
        ErrorOf({.flags = CompleteBut(wrong.key, wrong.value), .environment = {}, .file = ""}),
        HasSubstr(wrong.reason));
  }
  EXPECT_OK(LoadConfig({.flags = kComplete, .environment = {}, .file = ""}));
}

TEST_F(ConfigTest, WithoutANicOnlyTheRestIsRead) {
  const auto config = LoadConfig({.flags = {{"NETIF", "a/b"}, {"ZCRX_PROMISED", "events"}},
                                  .environment = {},
                                  .file = {},
                                  .needs_nic = false});
  ASSERT_OK(config);
  EXPECT_THAT(config->promised, ElementsAre("events"));
  EXPECT_THAT(
      LoadConfig(
          {.flags = {{"ZCRX_WAIT", "-1"}}, .environment = {}, .file = {}, .needs_nic = false}),
      FailsWithText(HasSubstr("ZCRX_WAIT")));
}

TEST_F(ConfigTest, TellsWhetherANicIsMeant) {
  EXPECT_FALSE(ConfiguresNic({.flags = {}, .environment = {}, .file = {}}));
  EXPECT_FALSE(ConfiguresNic({.flags = {{"ZCRX_WAIT", "1"}, {"DISRUPTIVE", "False"}},
                              .environment = {{"NETIF", ""}, {"KSFT_MACHINE_SLOW", "yes"}},
                              .file = {}}));
  EXPECT_TRUE(
      ConfiguresNic({.flags = {}, .environment = {{"REMOTE_V6", "2001:db8::2"}}, .file = {}}));
  WriteFile("net.config", "NETIF=eth1\n");
  EXPECT_TRUE(ConfiguresNic({.flags = {}, .environment = {}, .file = {}}));
}

TEST_F(ConfigTest, TakesEveryNameThatAnInterfaceCanHave) {
  for (const std::string& name : {std::string("enp59s0f1np1"), std::string("rack7:port2"),
                                  std::string("cable-to-the-peer"), kLongestName}) {
    ASSERT_OK_AND_ASSIGN(
        const Config config,
        LoadConfig({.flags = CompleteBut("NETIF", name), .environment = {}, .file = ""}));
    EXPECT_EQ(config.netif, name);
  }
}

TEST_F(ConfigTest, AFileThatWasAskedForMustBeThere) {
  EXPECT_THAT(ErrorOf({.flags = kComplete, .environment = {}, .file = "none.config"}),
              HasSubstr("read none.config: No such file or directory (ENOENT)"));
  EXPECT_THAT(ErrorOf({.flags = kComplete, .environment = {}, .file = "."}), HasSubstr("EISDIR"));
}

TEST_F(ConfigTest, RefusesAFileThatIsNoConfiguration) {
  WriteFile("big", std::string(70'000, '#'));
  EXPECT_THAT(ErrorOf({.flags = kComplete, .environment = {}, .file = "big"}), HasSubstr("EFBIG"));
}

TEST(ConfigFile, KeepsAHashInsideQuotesAndTheLastOfTwo) {
  const ConfigFileContent content = ParseConfigFile("A=\"x # y\"\nA=b#c\nB=\n");
  EXPECT_THAT(content.problems, IsEmpty());
  ASSERT_EQ(content.lines.size(), 3U);
  EXPECT_EQ(content.lines[0].value, "x # y");
  EXPECT_EQ(content.lines[1].value, "b");
  EXPECT_EQ(content.lines[1].line, 2);
  EXPECT_EQ(content.lines[2].value, "");
}

TEST(ConfigFile, SaysWhatIsWrongWithALine) {
  EXPECT_THAT(ParseConfigFile("=x\n1A=x\nA B=x\nA=\"b\" c\nexport A=b").problems,
              ElementsAre(StrEq("line 1: \"\" is not a key"), StrEq("line 2: \"1A\" is not a key"),
                          StrEq("line 3: \"A B\" is not a key"),
                          StrEq("line 4: unexpected text after the closing quote"),
                          StrEq("line 5: \"export A\" is not a key")));
  EXPECT_THAT(ParseConfigFile(std::string_view("A=\0", 3)).problems,
              ElementsAre(StrEq("line 1: the line contains a NUL byte")));
}

}  // namespace
}  // namespace zcrx
