// Differences() of support/nic/state.h.
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "support/nic/put_back.h"
#include "support/nic/state.h"

namespace zcrx {
namespace {

constexpr size_t kMostEntries = 4;  // of an RSS table, shown in a sentence
constexpr size_t kMostBytes = 8;    // of a key

const char* OnOff(bool on) { return on ? "on" : "off"; }

const char* Text(TcpDataSplit split) {
  switch (split) {
    case TcpDataSplit::kUnknown:
      return "unknown";
    case TcpDataSplit::kDisabled:
      return "off";
    case TcpDataSplit::kEnabled:
      return "on";
  }
  return "?";
}
std::string Text(uint64_t number) { return std::to_string(number); }

template <typename T>
std::string Text(const std::optional<T>& value) {
  return value ? std::string(Text(*value)) : "none";
}

// "00:11:22:33:44:55:66:77... (40 bytes)"
std::string Text(const std::vector<std::byte>& key) {
  if (key.empty()) return "none";
  std::string text;
  for (size_t i = 0; i < std::min(key.size(), kMostBytes); ++i) {
    text += fmt::format("{}{:02x}", i == 0 ? "" : ":", std::to_integer<unsigned>(key[i]));
  }
  return key.size() <= kMostBytes ? text : fmt::format("{}... ({} bytes)", text, key.size());
}

class Sentences {
 public:
  template <typename T>
  void Compare(const std::string& subject, const T& found, const T& now) {
    if (found == now) return;
    Add(fmt::format("{} was {}, is {}", subject, Text(found), Text(now)));
  }
  void Add(std::string sentence) { sentences_.push_back(std::move(sentence)); }
  [[nodiscard]] std::vector<std::string> Take() { return std::move(sentences_); }

 private:
  std::vector<std::string> sentences_;
};

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

void CompareRss(const std::string& name, const Rss& found, const Rss& now, Sentences& sentences) {
  if (found.table != now.table) {
    sentences.Add(fmt::format("{} table: {}", name, TableText(found.table, now.table)));
  }
  sentences.Compare(name + ": key", found.key, now.key);
  sentences.Compare(name + ": hash function", uint64_t{found.hash_function},
                    uint64_t{now.hash_function});
  sentences.Compare(name + ": symmetric hash", uint64_t{found.input_transform},
                    uint64_t{now.input_transform});
}

void CompareMainRss(const NicState& found, const NicState& now, Sentences& sentences) {
  if (found.rss.has_value() != now.rss.has_value()) {
    sentences.Add(found.rss ? "RSS is gone" : "RSS is there, was not");
  }
  if (!found.rss || !now.rss) return;
  Rss was = *found.rss;
  if (now.rss->table != was.table && found.channels.RxQueues() > 0) {
    const bool useless = LeadsBeyond(was.table, found.channels.RxQueues()) &&
                         LeadsBeyond(now.rss->table, now.channels.RxQueues());
    was.table = useless ? now.rss->table : SettableTable(was.table, found.channels.RxQueues());
  }
  CompareRss("RSS", was, *now.rss, sentences);
}

void CompareFeatures(const NicState& found, const NicState& now, Sentences& sentences) {
  for (const auto& [name, was] : found.features) {
    const auto is = now.features.find(name);
    if (is == now.features.end()) {
      sentences.Add(fmt::format("feature {} could be changed, cannot be", name));
    } else if (was.active != is->second.active) {
      sentences.Add(fmt::format("feature {} was {}, is {}", name, OnOff(was.active),
                                OnOff(is->second.active)));
    } else if (was.wanted != is->second.wanted) {
      sentences.Add(fmt::format("feature {} is {} as it was, but was asked to be {}, now {}", name,
                                OnOff(was.active), OnOff(was.wanted), OnOff(is->second.wanted)));
    }
  }
  for (const auto& [name, is] : now.features) {
    if (!found.features.contains(name)) {
      sentences.Add(fmt::format("feature {} could not be changed, can be", name));
    }
  }
}

void CompareContexts(const NicState& found, const NicState& now, Sentences& sentences) {
  for (const auto& [number, was] : found.contexts) {
    const std::string name = fmt::format("RSS context {}", number);
    const auto is = now.contexts.find(number);
    if (is == now.contexts.end()) {
      sentences.Add(name + " is gone");
    } else {
      CompareRss(name, was, is->second, sentences);
    }
  }
  for (const auto& [number, is] : now.contexts) {
    if (!found.contexts.contains(number)) {
      sentences.Add(fmt::format("RSS context {} is there, was not", number));
    }
  }
}

void CompareRules(const NicState& found, const NicState& now, Sentences& sentences) {
  const FlowRules was = found.rules.value_or(FlowRules{});
  const FlowRules is = now.rules.value_or(FlowRules{});
  for (const RawFlowRule& rule : MissingRules(was, is)) {
    sentences.Add(fmt::format("flow rule {} is gone ({})", rule.Location(), rule.Text()));
  }
  for (const RawFlowRule& rule : MissingRules(is, was)) {
    sentences.Add(fmt::format("flow rule {} is there, was not ({})", rule.Location(), rule.Text()));
  }
}

}  // namespace

std::vector<std::string> Differences(const NicState& found, const NicState& now) {
  Sentences sentences;
  if (found.admin_up != now.admin_up) {
    sentences.Add(fmt::format("link was {}, is {}", found.admin_up ? "up" : "down",
                              now.admin_up ? "up" : "down"));
  }
  sentences.Compare("MTU", uint64_t{found.mtu}, uint64_t{now.mtu});
  CompareFeatures(found, now, sentences);
  sentences.Compare("channels: rx", found.channels.rx, now.channels.rx);
  sentences.Compare("channels: tx", found.channels.tx, now.channels.tx);
  sentences.Compare("channels: combined", found.channels.combined, now.channels.combined);
  sentences.Compare("rings: rx", found.rings.rx, now.rings.rx);
  sentences.Compare("rings: tx", found.rings.tx, now.rings.tx);
  sentences.Compare("rings: tcp-data-split", found.rings.tcp_data_split, now.rings.tcp_data_split);
  sentences.Compare("rings: hds-thresh", found.rings.hds_thresh, now.rings.hds_thresh);
  if (found.admin_up && now.admin_up) CompareMainRss(found, now, sentences);
  CompareContexts(found, now, sentences);
  CompareRules(found, now, sentences);
  sentences.Compare("huge pages:", found.huge_pages, now.huge_pages);
  return sentences.Take();
}

}  // namespace zcrx
