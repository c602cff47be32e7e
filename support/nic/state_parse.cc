// ParseNicState() of support/nic/state.h. All that it allocates is in proportion to the text.
#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/nic/state.h"
#include "support/nic/state_text.h"

namespace zcrx {
namespace {

using state_text::Key;
using state_text::kKeys;
using state_text::kNothing;

constexpr size_t kMostShown = 40;  // of a line, in an error

// What is wrong with a line; empty: nothing.
using Problem = std::string;

std::string Shown(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kMostShown)) shown += c >= ' ' && c < '\x7f' ? c : '?';
  return fmt::format("\"{}{}\"", shown, text.size() > kMostShown ? "..." : "");
}

// The text up to the next `separator`, which is taken off too.
std::string_view NextWord(std::string_view& rest, char separator = ' ') {
  const size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

template <typename T>
Problem TakeNumber(std::string_view word, T& number) {
  const auto [rest, error] = std::from_chars(word.begin(), word.end(), number);
  if (error == std::errc() && rest == word.end()) return {};
  return fmt::format("{} is no number up to {}", Shown(word), std::numeric_limits<T>::max());
}

template <typename T>
Problem TakeNumber(std::string_view word, std::optional<T>& number) {
  return TakeNumber(word, number.emplace());
}

std::optional<std::byte> HexByte(std::string_view digits) {
  unsigned value = 0;
  const auto [rest, error] = std::from_chars(digits.begin(), digits.end(), value, 16);
  if (digits.size() != 2 || error != std::errc() || rest != digits.end()) return std::nullopt;
  return static_cast<std::byte>(value);
}

Problem TakeHex(std::string_view word, std::vector<std::byte>& bytes) {
  if (word == kNothing) return {};
  for (size_t at = 0; at < word.size(); at += 2) {
    const auto byte = HexByte(word.substr(at, 2));
    if (!byte) return fmt::format("{} are no hexadecimal digits", Shown(word.substr(at, 2)));
    bytes.push_back(*byte);
  }
  return bytes.empty() ? "there are no bytes" : Problem();
}

Problem TakeName(std::string_view word, std::string& name) {
  for (size_t at = 0; at < word.size(); ++at) {
    if (word[at] != '%') {
      name += word[at];
      continue;
    }
    const auto byte = HexByte(word.substr(std::min(at + 1, word.size()), 2));
    if (!byte) return fmt::format("{} has a % without two digits", Shown(word));
    name += static_cast<char>(*byte);
    at += 2;
  }
  return name.empty() ? "there is no name" : Problem();
}

// Which of `words` it is.
template <size_t N>
Problem TakeChoice(std::string_view word, const std::array<std::string_view, N>& words,
                   size_t& which) {
  const auto found = std::ranges::find(words, word);
  which = static_cast<size_t>(found - words.begin());
  if (found != words.end()) return {};
  std::string list;
  for (const std::string_view choice : words) {
    list += fmt::format("{}{}", list.empty() ? "" : " or ", choice);
  }
  return fmt::format("{} is not {}", Shown(word), list);
}

Problem TakeOneOf(std::string_view word, std::string_view no, std::string_view yes, bool& value) {
  size_t which = 0;
  Problem problem = TakeChoice(word, std::array{no, yes}, which);
  value = which == 1;
  return problem;
}

Problem TakeTable(std::string_view word, RssTable& table) {
  if (word == kNothing) return {};
  while (!word.empty()) {
    if (Problem problem = TakeNumber(NextWord(word, ','), table.emplace_back()); !problem.empty()) {
      return problem;
    }
  }
  return table.empty() ? "there is no table" : Problem();
}

Problem First(std::initializer_list<Problem> problems) {
  const auto* const found =
      std::ranges::find_if(problems, [](const Problem& problem) { return !problem.empty(); });
  return found == problems.end() ? Problem() : *found;
}

Problem TakeRss(std::string_view& rest, Rss& rss) {
  const std::string_view table = NextWord(rest);
  const std::string_view key = NextWord(rest);
  const std::string_view function = NextWord(rest);
  const std::string_view transform = NextWord(rest);
  return First({TakeTable(table, rss.table), TakeHex(key, rss.key),
                TakeNumber(function, rss.hash_function),
                TakeNumber(transform, rss.input_transform)});
}

Problem TakeContext(std::string_view& rest, NicState& state) {
  uint32_t number = 0;
  if (Problem problem = TakeNumber(NextWord(rest), number); !problem.empty()) return problem;
  if (number == kMainRssContext) return "0 is the main context, no additional one";
  const auto [context, is_new] = state.contexts.try_emplace(number);
  if (!is_new) return fmt::format("context {} is there twice", number);
  return TakeRss(rest, context->second);
}

Problem TakeFeature(std::string_view& rest, NicState& state) {
  std::string name;
  if (Problem problem = TakeName(NextWord(rest), name); !problem.empty()) return problem;
  const auto [feature, is_new] = state.features.try_emplace(name);
  if (!is_new) return fmt::format("feature {} is there twice", Shown(name));
  const std::string_view active = NextWord(rest);
  return First({TakeOneOf(active, "off", "on", feature->second.active),
                TakeOneOf(NextWord(rest), "off", "on", feature->second.wanted)});
}

Problem TakeSplit(std::string_view word, NicState& state) {
  size_t which = 0;
  Problem problem = TakeChoice(word, state_text::kSplitWords, which);
  if (problem.empty()) state.rings.tcp_data_split = static_cast<TcpDataSplit>(which);
  return problem;
}

Problem TakeRule(std::string_view& rest, NicState& state) {
  if (!state.rules) return "there is no line \"rules\" before it";
  RawFlowRule rule;
  std::vector<std::byte> spec;
  const std::string_view bytes = NextWord(rest);
  Problem problem = First({TakeHex(bytes, spec), TakeNumber(NextWord(rest), rule.context)});
  if (!problem.empty()) return problem;
  if (spec.size() != rule.spec.size()) {
    return fmt::format("it has {} bytes, a rule has {}", spec.size(), rule.spec.size());
  }
  std::ranges::copy(spec, rule.spec.begin());
  std::vector<RawFlowRule>& rules = state.rules->rules;
  if (!rules.empty() && rules.back().Location() >= rule.Location()) {
    return fmt::format("rule {} comes after rule {}", rule.Location(), rules.back().Location());
  }
  rules.push_back(rule);
  return {};
}

// The value of a line; what is not taken off `rest` is too much.
Problem TakeValue(Key key, std::string_view& rest, NicState& state) {
  switch (key) {
    case Key::kVersion:
      if (const auto version = NextWord(rest); version != state_text::kVersion) {
        return fmt::format("version {} is unknown", Shown(version));
      }
      return {};
    case Key::kInterface:
      return TakeName(NextWord(rest), state.nic.interface);
    case Key::kDriver:
      return TakeName(NextWord(rest), state.nic.driver);
    case Key::kBus:
      return TakeName(NextWord(rest), state.nic.bus);
    case Key::kAddress:
      return TakeName(NextWord(rest), state.nic.address);
    case Key::kIndex:
      return TakeNumber(NextWord(rest), state.nic.index);
    case Key::kBoot:
      return TakeName(NextWord(rest), state.nic.boot);
    case Key::kLink:
      return TakeOneOf(NextWord(rest), "down", "up", state.admin_up);
    case Key::kMtu:
      return TakeNumber(NextWord(rest), state.mtu);
    case Key::kFeature:
      return TakeFeature(rest, state);
    case Key::kChannelsRx:
      return TakeNumber(NextWord(rest), state.channels.rx);
    case Key::kChannelsTx:
      return TakeNumber(NextWord(rest), state.channels.tx);
    case Key::kChannelsCombined:
      return TakeNumber(NextWord(rest), state.channels.combined);
    case Key::kRingsRx:
      return TakeNumber(NextWord(rest), state.rings.rx);
    case Key::kRingsTx:
      return TakeNumber(NextWord(rest), state.rings.tx);
    case Key::kTcpDataSplit:
      return TakeSplit(NextWord(rest), state);
    case Key::kHdsThresh:
      return TakeNumber(NextWord(rest), state.rings.hds_thresh);
    case Key::kRss:
      return TakeRss(rest, state.rss.emplace());
    case Key::kContext:
      return TakeContext(rest, state);
    case Key::kRules:
      return TakeOneOf(NextWord(rest), "caller", "driver", state.rules.emplace().driver_numbers);
    case Key::kRule:
      return TakeRule(rest, state);
    case Key::kHugePages:
      return TakeNumber(NextWord(rest), state.huge_pages);
    case Key::kEnd:
      return {};  // the parser's own
  }
  return "unknown";
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<NicState> Run() {
    std::string_view rest = text_;
    while (!rest.empty()) {
      if (ended_) return Refuse("there is more after the end");
      ++line_;
      const size_t end = rest.find('\n');
      if (end == std::string_view::npos) return Refuse("it is cut: there is no end of the line");
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end + 1);
      if (Problem problem = TakeLine(line); !problem.empty()) return Refuse(std::move(problem));
    }
    if (!ended_) {
      ++line_;
      return Refuse("it is cut: there is no line \"end\"");
    }
    // What can be written in two ways (007) is written in one.
    const std::string written = SerializeNicState(state_);
    if (written == text_) return std::move(state_);
    const auto [is, should] = std::ranges::mismatch(text_, written);
    line_ = 1 + static_cast<size_t>(std::count(text_.begin(), is, '\n'));
    return Refuse("it is not as this program writes it");
  }

 private:
  std::unexpected<Error> Refuse(Problem problem) const {
    return Fail("read the state of a NIC", EBADMSG, fmt::format("line {}: {}", line_, problem));
  }

  Problem TakeLine(std::string_view line) {
    std::string_view rest = line;
    const std::string_view word = NextWord(rest);
    const auto* const known = std::ranges::find(kKeys, word, &state_text::KeyInfo::word);
    if (known == kKeys.end()) return fmt::format("{} is unknown", Shown(line));
    const auto place = static_cast<size_t>(known - kKeys.begin());
    if (Problem problem = TakePlace(place); !problem.empty()) return problem;
    const Key key = static_cast<Key>(place);
    if (key == Key::kEnd) return TakeEnd(rest);
    const Problem problem = TakeValue(key, rest, state_);
    if (!problem.empty()) return fmt::format("{}: {}", word, problem);
    if (!rest.empty()) return fmt::format("{}: {} is too much", word, Shown(rest));
    return {};
  }

  // Lines come in one order, and none is left out that has to be there.
  Problem TakePlace(size_t place) {
    const bool again = next_ > 0 && place == next_ - 1;
    if (again && kKeys.at(place).repeated) return {};
    if (again) return fmt::format("{} is there twice", kKeys.at(place).word);
    if (place < next_) return fmt::format("{} comes too late", kKeys.at(place).word);
    for (; next_ < place; ++next_) {
      if (kKeys.at(next_).required) {
        return fmt::format("{} comes where {} should", kKeys.at(place).word, kKeys.at(next_).word);
      }
    }
    ++next_;
    return {};
  }

  Problem TakeEnd(std::string_view count) {
    size_t lines = 0;
    if (const Problem problem = TakeNumber(count, lines); !problem.empty()) {
      return "end: " + problem;
    }
    if (lines != line_ - 1) {
      return fmt::format("{} lines were before it when it was written, now {}", lines, line_ - 1);
    }
    ended_ = true;
    return {};
  }

  std::string_view text_;
  NicState state_;
  size_t line_ = 0;
  size_t next_ = 0;  // the first key that may come
  bool ended_ = false;
};

}  // namespace

Result<NicState> ParseNicState(std::string_view text) {
  if (text.size() > kMostStateText) {
    return Fail("read the state of a NIC", EFBIG,
                fmt::format("it has {} bytes, at most {} are read", text.size(), kMostStateText));
  }
  return Parser(text).Run();
}

}  // namespace zcrx
