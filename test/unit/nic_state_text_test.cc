// The state of a NIC as text: what is written is read again, and nothing else is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "support/nic/state.h"
#include "test/unit/nic_states.h"

namespace zcrx {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// The error of a text that has to be refused.
std::string Refusal(std::string_view text) {
  const auto state = ParseNicState(text);
  return state.has_value() ? "it was taken" : state.error().Text();
}

std::string Replaced(std::string text, std::string_view what, std::string_view by) {
  const size_t at = text.find(what);
  if (at == std::string::npos) return "no such text: " + std::string(what);
  return text.replace(at, what.size(), by);
}

// With the count in its last line put right.
std::string WithoutLine(std::string text, std::string_view begin) {
  const size_t at = text.find("\n" + std::string(begin)) + 1;
  text.erase(at, text.find('\n', at) + 1 - at);
  const size_t lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) - 1;
  return text.substr(0, text.rfind("end ")) + "end " + std::to_string(lines) + "\n";
}

TEST(NicStateText, IsReadAsItWasWritten) {
  NicState no_table = FullState();
  no_table.rss = Rss{.key = {std::byte{1}}};
  for (const NicState& state :
       {FullState(), no_table, NicState{.nic = {.interface = "lo", .boot = "x"}}}) {
    const std::string text = SerializeNicState(state);
    const auto read = ParseNicState(text);
    ASSERT_TRUE(read.has_value()) << read.error().Text() << "\n" << text;
    EXPECT_EQ(*read, state) << text;
    EXPECT_EQ(SerializeNicState(*read), text);
  }
}

TEST(NicStateText, HasALineForEachValue) {
  const std::string text = SerializeNicState(FullState());
  EXPECT_THAT(text, StartsWith("zcrx-nic-state 1\ninterface nic0\ndriver bnxt_en\n"));
  EXPECT_THAT(text, HasSubstr("\nfeature rx-gro-hw off on\n"));
  EXPECT_THAT(text, HasSubstr("\nchannels-rx 4\nchannels-tx 2\nchannels-combined 1\n"
                              "rings-rx 511\nrings-tx 512\ntcp-data-split off\nhds-thresh 256\n"
                              "rss 0,1,2,0 6d5a00 1 2\ncontext 1 3,3 - 0 0\ncontext 7 0 ff 1 0\n"
                              "rules driver\nrule "));
  EXPECT_THAT(text, testing::EndsWith("\nhuge-pages 32\nend 26\n"));
}

TEST(NicStateText, NamesMayHoldAnyByte) {
  NicState state = FullState();
  state.nic.interface = "a b%\n\xff";
  state.nic.bus = "N/A";
  const auto read = ParseNicState(SerializeNicState(state));
  ASSERT_TRUE(read.has_value()) << read.error().Text();
  EXPECT_EQ(read->nic, state.nic);
}

TEST(NicStateText, IsRefusedCutAtAnyByte) {
  const std::string text = SerializeNicState(FullState());
  for (size_t size = 0; size < text.size(); ++size) {
    const auto state = ParseNicState(std::string_view(text).substr(0, size));
    ASSERT_FALSE(state.has_value()) << size;
    EXPECT_THAT(state.error().Text(), HasSubstr("it is cut")) << size;
  }
  // From the front as well: nothing but the whole begins with the version.
  for (size_t begin = 1; begin <= text.size(); ++begin) {
    ASSERT_FALSE(ParseNicState(std::string_view(text).substr(begin)).has_value()) << begin;
  }
}

TEST(NicStateText, IsRefusedWithoutAnyOneLine) {
  const std::string text = SerializeNicState(FullState());
  for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    std::string less = text;
    less.erase(at, less.find('\n', at) + 1 - at);
    ASSERT_FALSE(ParseNicState(less).has_value()) << less;
  }
}

// Whatever byte is overwritten with whatever: it is refused, or it is another value of the same
// kind, which only a checksum tells. No input may do worse.
TEST(NicStateText, EveryByteOverwrittenIsRefusedOrReadExactly) {
  const std::string text = SerializeNicState(FullState());
  for (size_t at = 0; at < text.size(); ++at) {
    for (const char byte : {'\0', '\n', ' ', '0', '9', 'a', '-', '%', '\x7f', '\xff'}) {
      std::string changed = text;
      changed[at] = byte;
      const auto state = ParseNicState(changed);
      if (state.has_value()) {
        ASSERT_EQ(SerializeNicState(*state), changed) << at;
      }
    }
  }
}

TEST(NicStateText, ARefusalNamesTheLineAndWhatIsWrong) {
  const std::string text = SerializeNicState(FullState());
  const auto refusal = [&](std::string_view what, std::string_view by) {
    return Refusal(Replaced(text, what, by));
  };
  EXPECT_THAT(refusal("state 1", "state 2"),
              HasSubstr("line 1: zcrx-nic-state: version \"2\" is unknown"));
  EXPECT_THAT(refusal("mtu 1500", "mtu 70000000000"),
              HasSubstr("line 9: mtu: \"70000000000\" is no number up to 4294967295"));
  EXPECT_THAT(refusal("mtu 1500", "mtu -1"), HasSubstr("is no number"));
  EXPECT_THAT(refusal("mtu 1500", "mtu 01500"),
              HasSubstr("line 9: it is not as this program writes it"));
  EXPECT_THAT(refusal("mtu 1500", "mtu 1500 "), HasSubstr("not as this program writes it"));
  EXPECT_THAT(refusal("mtu 1500", "mtu 1500 0"), HasSubstr("mtu: \"0\" is too much"));
  EXPECT_THAT(refusal("mtu 1500", "speed 10"), HasSubstr("line 9: \"speed 10\" is unknown"));
  EXPECT_THAT(refusal("mtu 1500\n", "mtu 1500\nmtu 1500\n"),
              HasSubstr("line 10: mtu is there twice"));
  EXPECT_THAT(refusal("link up", "link on"), HasSubstr("link: \"on\" is not down or up"));
  EXPECT_THAT(refusal("link up\nmtu 1500\n", "mtu 1500\nlink up\n"),
              HasSubstr("line 8: mtu comes where link should"));
  EXPECT_THAT(refusal("rings-tx 512\n", "rings-tx 512\nchannels-rx 4\n"),
              HasSubstr("channels-rx comes too late"));
  EXPECT_THAT(refusal("split off", "split auto"), HasSubstr("is not unknown or off or on"));
  EXPECT_THAT(refusal("rx-gro-hw", "rx-gro"), HasSubstr("feature \"rx-gro\" is there twice"));
  EXPECT_THAT(refusal("6d5a00", "6d5a0"), HasSubstr("rss: \"0\" are no hexadecimal digits"));
  EXPECT_THAT(refusal("6d5a00", "6D5a00"), HasSubstr("not as this program writes it"));
  EXPECT_THAT(refusal("0,1,2,0", "0,1,,0"), HasSubstr("rss: \"\" is no number"));
  EXPECT_THAT(refusal("0,1,2,0", "0,1,2,"), HasSubstr("not as this program writes it"));
  EXPECT_THAT(refusal("context 7", "context 1"), HasSubstr("context 1 is there twice"));
  EXPECT_THAT(refusal("context 7", "context 0"), HasSubstr("0 is the main context"));
  EXPECT_THAT(refusal("rules driver\n", ""),
              HasSubstr("rule: there is no line \"rules\" before it"));
  EXPECT_THAT(refusal("rule 01", "rule 0101"), HasSubstr("bytes, a rule has"));
  EXPECT_THAT(refusal("nic0", "%4"), HasSubstr("has a % without two digits"));
  EXPECT_THAT(refusal("end 26", "end 25"),
              HasSubstr("25 lines were before it when it was written, now 26"));
  EXPECT_THAT(Refusal(text + "\n"), HasSubstr("there is more after the end"));
  EXPECT_THAT(Refusal(text + text), HasSubstr("there is more after the end"));
  EXPECT_THAT(Refusal(WithoutLine(text, "boot")), HasSubstr("link comes where boot should"));
  EXPECT_THAT(Refusal(""), HasSubstr("line 1: it is cut"));
}

TEST(NicStateText, RulesAreInOrder) {
  NicState state = FullState();
  std::swap(state.rules->rules.front(), state.rules->rules.back());
  EXPECT_THAT(Refusal(SerializeNicState(state)), HasSubstr("rule 0 comes after rule 3"));
}

TEST(NicStateText, MoreThanThereCanBeIsRefusedUnread) {
  const auto state = ParseNicState(std::string(kMostStateText + 1, '\n'));
  ASSERT_FALSE(state.has_value());
  EXPECT_EQ(state.error().code, EFBIG);
}

}  // namespace
}  // namespace zcrx
