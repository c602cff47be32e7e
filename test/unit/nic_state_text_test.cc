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

TEST(NicStateText, HasALineForEachSetting) {
  const std::string text = SerializeNicState(FullState());
  EXPECT_THAT(text, StartsWith("{\n\"zcrx-nic-state\":3,\n\"interface\":\"nic0\",\n"));
  EXPECT_THAT(text, HasSubstr("\n\"mtu\":1500,\n\"features\":{\"rx-gro\":{\"active\":true,"
                              "\"requested\":true},"));
  EXPECT_THAT(
      text, HasSubstr("\n\"channels\":{\"rx\":4,\"tx\":2,\"combined\":1},\n"
                      "\"rings\":{\"rx\":511,\"rx-mini\":16,\"rx-jumbo\":2044,\"tx\":512,"
                      "\"tcp-data-split\":\"off\",\"hds-thresh\":256},\n"
                      "\"tcp-data-split-automatic\":true,\n"
                      "\"rss\":{\"rss-indirection-table\":[0,1,2,0],\"rss-hash-key\":\"6d5a00\","));
  EXPECT_THAT(text,
              HasSubstr("\"rules\":[{\"location\":0,\"rule\":\"tcp4 dst-port 80 to queue 1\","));
  EXPECT_THAT(text, testing::EndsWith("\n\"huge-pages\":32,\n\"keep-addr-on-down\":0\n}\n"));
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

TEST(NicStateText, ARefusalSaysWhatIsWrong) {
  const std::string text = SerializeNicState(FullState());
  const auto refusal = [&](std::string_view what, std::string_view by) {
    return Refusal(Replaced(text, what, by));
  };
  constexpr const char* kOther = "it is not in the form this program writes";
  EXPECT_THAT(refusal("state\":3", "state\":1"), HasSubstr("version 1 is unknown"));
  EXPECT_THAT(refusal("state\":3", "other\":3"), HasSubstr("key 'zcrx-nic-state' not found"));
  for (const char* number : {"70000000000", "-1", "1500.0", "15e2", "1500 ", "true"}) {
    EXPECT_THAT(refusal("mtu\":1500", std::string("mtu\":") + number), HasSubstr(kOther));
  }
  EXPECT_THAT(refusal("mtu\":1500", "mtu\":01500"), HasSubstr("parse error at line 10"));
  EXPECT_THAT(refusal("mtu\":1500", "mtu\":\"1500\""), HasSubstr("type must be number"));
  EXPECT_THAT(refusal("\"mtu\":1500", "\"speed\":10"), HasSubstr("key 'mtu' not found"));
  EXPECT_THAT(refusal("\"huge-pages\"", "\"speed\""), HasSubstr("key 'huge-pages' not found"));
  EXPECT_THAT(refusal("\"mtu\":1500", "\"mtu\":1500,\n\"mtu\":1500"), HasSubstr(kOther));
  EXPECT_THAT(refusal("link\":\"up", "link\":\"on"), HasSubstr(kOther));
  EXPECT_THAT(refusal("split\":\"off", "split\":\"of"), HasSubstr(kOther));
  EXPECT_THAT(refusal("rx-gro-hw", "rx-gro"), HasSubstr(kOther));
  EXPECT_THAT(refusal("6d5a00", "6d5a0"), HasSubstr(kOther));
  EXPECT_THAT(refusal("6d5a00", "6D5a00"), HasSubstr(kOther));
  EXPECT_THAT(refusal("[0,1,2,0]", "[0,1,2,0"), HasSubstr("parse error"));
  EXPECT_THAT(refusal("\"7\":", "\"1\":"), HasSubstr(kOther));
  EXPECT_THAT(refusal("\"7\":", "\"0\":"), HasSubstr("0 is not an additional context"));
  EXPECT_THAT(refusal("\"spec\":\"01", "\"spec\":\"0101"), HasSubstr("a spec has"));
  EXPECT_THAT(refusal("nic0", "%4"), HasSubstr(kOther));
  EXPECT_THAT(Refusal(text + "\n"), HasSubstr(kOther));
  EXPECT_THAT(Refusal(text + text), HasSubstr("parse error"));
  EXPECT_THAT(Refusal(""), HasSubstr("parse error at line 1"));
  EXPECT_THAT(Refusal("7"), HasSubstr("cannot use at() with number"));
  EXPECT_THAT(Refusal(std::string(100000, '[')), HasSubstr("parse error"));
}

TEST(NicStateText, RulesAreInOrder) {
  NicState state = FullState();
  std::swap(state.rules->rules.front(), state.rules->rules.back());
  EXPECT_THAT(Refusal(SerializeNicState(state)), HasSubstr("not sorted by location"));
}

TEST(NicStateText, MoreThanThereCanBeIsRefusedUnread) {
  const auto state = ParseNicState(std::string(kMostStateText + 1, '\n'));
  ASSERT_FALSE(state.has_value());
  EXPECT_EQ(state.error().code, EFBIG);
}

}  // namespace
}  // namespace zcrx
