// SerializeNicState() of support/nic/state.h.
#include "support/nic/state_text.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <string>

#include "support/nic/state.h"

namespace zcrx {
namespace {

using state_text::Key;
using state_text::kNothing;

class Writer {
 public:
  template <typename... Args>
  void Line(Key key, fmt::format_string<Args...> format, Args&&... args) {
    text_ += state_text::Word(key);
    text_ += ' ';
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    text_ += '\n';
    ++lines_;
  }
  template <typename T>
  void IfThere(Key key, const std::optional<T>& value) {
    if (value) Line(key, "{}", *value);
  }
  [[nodiscard]] size_t Lines() const { return lines_; }
  [[nodiscard]] std::string Take() { return std::move(text_); }

 private:
  std::string text_;
  size_t lines_ = 0;
};

std::string Escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c > ' ' && c < '\x7f' && c != '%') {
      text += c;
    } else {
      text += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
  }
  return text;
}

std::string Hex(std::span<const std::byte> bytes) {
  if (bytes.empty()) return std::string(kNothing);
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::byte byte : bytes) {
    fmt::format_to(std::back_inserter(text), "{:02x}", std::to_integer<unsigned>(byte));
  }
  return text;
}

std::string RssText(const Rss& rss) {
  return fmt::format(
      "{} {} {} {}",
      rss.table.empty() ? std::string(kNothing) : fmt::format("{}", fmt::join(rss.table, ",")),
      Hex(rss.key), rss.hash_function, rss.input_transform);
}

const char* OnOff(bool on) { return on ? "on" : "off"; }

}  // namespace

std::string SerializeNicState(const NicState& state) {
  Writer out;
  out.Line(Key::kVersion, "{}", state_text::kVersion);
  out.Line(Key::kInterface, "{}", Escaped(state.nic.interface));
  for (const auto& [key, name] :
       {std::pair(Key::kDriver, state.nic.driver), std::pair(Key::kBus, state.nic.bus),
        std::pair(Key::kAddress, state.nic.address)}) {
    if (!name.empty()) out.Line(key, "{}", Escaped(name));
  }
  out.Line(Key::kIndex, "{}", state.nic.index);
  out.Line(Key::kBoot, "{}", Escaped(state.nic.boot));
  out.Line(Key::kLink, "{}", state.admin_up ? "up" : "down");
  out.Line(Key::kMtu, "{}", state.mtu);
  for (const auto& [name, feature] : state.features) {
    out.Line(Key::kFeature, "{} {} {}", Escaped(name), OnOff(feature.active),
             OnOff(feature.wanted));
  }
  out.IfThere(Key::kChannelsRx, state.channels.rx);
  out.IfThere(Key::kChannelsTx, state.channels.tx);
  out.IfThere(Key::kChannelsCombined, state.channels.combined);
  out.IfThere(Key::kRingsRx, state.rings.rx);
  out.IfThere(Key::kRingsTx, state.rings.tx);
  if (state.rings.tcp_data_split) {
    out.Line(Key::kTcpDataSplit, "{}",
             state_text::kSplitWords.at(static_cast<size_t>(*state.rings.tcp_data_split)));
  }
  out.IfThere(Key::kHdsThresh, state.rings.hds_thresh);
  if (state.rss) out.Line(Key::kRss, "{}", RssText(*state.rss));
  for (const auto& [number, rss] : state.contexts) {
    out.Line(Key::kContext, "{} {}", number, RssText(rss));
  }
  if (state.rules) {
    out.Line(Key::kRules, "{}", state.rules->driver_numbers ? "driver" : "caller");
    for (const RawFlowRule& rule : state.rules->rules) {
      out.Line(Key::kRule, "{} {}", Hex(rule.spec), rule.context);
    }
  }
  out.IfThere(Key::kHugePages, state.huge_pages);
  out.Line(Key::kEnd, "{}", out.Lines());
  return out.Take();
}

}  // namespace zcrx
