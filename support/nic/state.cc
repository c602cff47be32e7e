// CountClaimedQueues() and Differences() of support/nic/state.h.
#include "support/nic/state.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <concepts>
#include <string>
#include <utility>
#include <vector>

#include "support/nic/features.h"

namespace zcrx {
namespace {

constexpr size_t kMostEntries = 4;  // entries of an RSS table shown in a sentence
constexpr size_t kMostBytes = 8;    // bytes of a key

using Sentences = std::vector<std::string>;

// "00:11:22:33:44:55:66:77... (40 bytes)"
std::string KeyText(const std::vector<std::byte>& key) {
  if (key.empty()) return "none";
  std::string text;
  for (size_t i = 0; i < std::min(key.size(), kMostBytes); ++i) {
    text += fmt::format("{}{:02x}", i == 0 ? "" : ":", std::to_integer<unsigned>(key[i]));
  }
  return key.size() <= kMostBytes ? text : fmt::format("{}... ({} bytes)", text, key.size());
}

// "entry 0 was 1, is 0; entry 2 was 3, is 0; ... 14 of 16 entries"
std::string TableText(const RssTable& found, const RssTable& now) {
  if (found.size() != now.size()) {
    return fmt::format("had {} entries, has {}", found.size(), now.size());
  }
  size_t differing = 0;
  std::vector<std::string> shown;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i] == now[i]) continue;
    if (++differing <= kMostEntries) {
      shown.push_back(fmt::format("entry {} was {}, is {}", i, found[i], now[i]));
    }
  }
  return fmt::format("{} of {} entries differ ({}{})", differing, found.size(),
                     fmt::join(shown, "; "), differing > kMostEntries ? "; ..." : "");
}

void CompareRss(const std::string& name, const Rss& was, const Rss& is, Sentences& sentences) {
  if (was.table != is.table) {
    sentences.push_back(fmt::format("{} table: {}", name, TableText(was.table, is.table)));
  }
  const auto compare = [&](const char* what, const auto& then, const auto& now) {
    if (then != now)
      sentences.push_back(fmt::format("{}: {} was {}, is {}", name, what, then, now));
  };
  compare("key", KeyText(was.key), KeyText(is.key));
  compare("hash function", was.hash_function, is.hash_function);
  compare("symmetric hash", was.input_transform, is.input_transform);
}

// Returns the default in place of a table that leads to queues which do not exist.
RssTable Settable(const RssTable& table, uint32_t queues) {
  return LeadsBeyond(table, queues) ? DefaultRssTable(table.size(), queues) : table;
}

void CompareMainRss(const NicState& wanted, const NicState& now, Sentences& sentences) {
  if (!wanted.admin_up || !now.admin_up) return;
  if (wanted.rss && !now.rss) sentences.emplace_back("RSS is gone");
  if (!wanted.rss || !now.rss) return;
  Rss was = *wanted.rss;
  if (now.rss->table != was.table && wanted.channels.RxQueues() > 0) {
    const bool useless = LeadsBeyond(was.table, wanted.channels.RxQueues()) &&
                         LeadsBeyond(now.rss->table, now.channels.RxQueues());
    was.table = useless ? now.rss->table : Settable(was.table, wanted.channels.RxQueues());
  }
  CompareRss("RSS", was, *now.rss, sentences);
}

void CompareFeatures(const NicState& wanted, const NicState& now, Sentences& sentences) {
  for (const auto& [name, was] : wanted.features) {
    const auto is = now.features.find(name);
    if (is == now.features.end()) {
      sentences.push_back(fmt::format("feature {} could be changed, now cannot", name));
    } else if (IsAsWanted(wanted, name, is->second)) {
      continue;
    } else if (was.active != is->second.active) {
      sentences.push_back(fmt::format("feature {} was {}, is {}", name, OnOff(was.active),
                                      OnOff(is->second.active)));
    } else {
      sentences.push_back(
          fmt::format("feature {} is still {}, but its requested value was {}, is {}", name,
                      OnOff(was.active), OnOff(was.requested), OnOff(is->second.requested)));
    }
  }
}

using Contexts = std::map<uint32_t, Rss>;
void Compare(std::string_view /*name*/, const Contexts& wanted, const Contexts& now,
             Sentences& sentences) {
  for (const auto& [number, was] : wanted) {
    const std::string name = fmt::format("RSS context {}", number);
    const auto is = now.find(number);
    if (is == now.end()) {
      sentences.push_back(name + " is gone");
    } else {
      CompareRss(name, was, is->second, sentences);
    }
  }
  for (const auto& [number, is] : now) {
    if (!wanted.contains(number)) {
      sentences.push_back(fmt::format("RSS context {} is new", number));
    }
  }
}

void Compare(std::string_view /*name*/, const std::optional<FlowRules>& wanted,
             const std::optional<FlowRules>& now, Sentences& sentences) {
  const FlowRules was = wanted.value_or(FlowRules{});
  const FlowRules is = now.value_or(FlowRules{});
  for (const RawFlowRule& rule : MissingRules(was, is)) {
    sentences.push_back(fmt::format("flow rule {} is gone ({})", rule.Location(), rule.Text()));
  }
  for (const RawFlowRule& rule : MissingRules(is, was)) {
    sentences.push_back(fmt::format("flow rule {} is new ({})", rule.Location(), rule.Text()));
  }
}

// A value absent in `wanted` is left as it is. Header split that is left to the driver matches
// either state.
template <typename T>
void Compare(std::string_view name, const std::optional<T>& wanted, const std::optional<T>& now,
             Sentences& sentences) {
  if (!wanted || wanted == now) return;
  if constexpr (std::same_as<T, TcpDataSplit>) {
    if (wanted == TcpDataSplit::kUnknown) return;
  }
  sentences.push_back(fmt::format("{} was {}, is {}", name, FieldText(wanted), FieldText(now)));
}

template <HasFields Struct>
void Compare(std::string_view name, const Struct& wanted, const Struct& now, Sentences& sentences) {
  ForEachField<Struct>([&](std::string_view field, auto member) {
    Compare(fmt::format("{}: {}", name, field), wanted.*member, now.*member, sentences);
  });
}

}  // namespace

bool IsAsWanted(const NicState& wanted, std::string_view feature, const NicState::Feature& now) {
  const NicState::Feature& was = wanted.features.at(std::string(feature));
  const bool split_rules = feature == kHwGro && wanted.split_automatic == false &&
                           wanted.rings.tcp_data_split == TcpDataSplit::kEnabled;
  return was.requested == now.requested && (was.active == now.active || split_rules);
}

uint32_t CountClaimedQueues(const NicState& state) {
  uint32_t count = 0;
  const auto claim = [&](uint32_t queue) { count = std::max(count, queue + 1); };
  if (state.rules) {
    for (const RawFlowRule& rule : state.rules->rules) {
      if (const auto queue = rule.Queue()) claim(*queue);
    }
  }
  for (const auto& [number, context] : state.contexts) std::ranges::for_each(context.table, claim);
  return count;
}

std::vector<std::string> Differences(const NicState& wanted, const NicState& now) {
  Sentences sentences;
  if (wanted.admin_up != now.admin_up) {
    sentences.push_back(fmt::format("link was {}, is {}", wanted.admin_up ? "up" : "down",
                                    now.admin_up ? "up" : "down"));
  }
  Compare("MTU", std::optional(wanted.mtu), std::optional(now.mtu), sentences);
  ForEachField<NicState>([&](std::string_view name, auto member) {
    using Setting = std::remove_cvref_t<decltype(wanted.*member)>;
    // These depend on other settings.
    if constexpr (std::same_as<Setting, std::optional<Rss>>) {
      CompareMainRss(wanted, now, sentences);
    } else if constexpr (std::same_as<Setting, decltype(wanted.features)>) {
      CompareFeatures(wanted, now, sentences);
    } else if constexpr (std::same_as<Setting, std::optional<uint64_t>>) {
      // Not shown: another run has them.
      if (now.huge_pages) Compare(name, wanted.*member, now.*member, sentences);
    } else if constexpr (!std::same_as<Setting, std::optional<bool>>) {  // no kernel shows it
      Compare(name, wanted.*member, now.*member, sentences);
    }
  });
  return sentences;
}

}  // namespace zcrx
