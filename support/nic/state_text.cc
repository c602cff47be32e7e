// SerializeNicState() and ParseNicState() of support/nic/state.h:
//
//   {
//   "zcrx-nic-state":3,
//   "interface":"nic0",
//   ...
//   "features":{"rx-gro":{"active":true,"requested":true}, ...},
//   "channels":{"combined":4},
//   ...
//   }
//
// In names, unprintable bytes, blanks and % are written as %20 and so on: JSON takes UTF-8 only.
// Ambiguous text is detected by serializing the result again, so readers of single values check
// nothing.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <span>
#include <vector>

#include "support/nic/state_json.h"

namespace zcrx {
namespace {

constexpr int kVersion = 3;
constexpr const char* kVersionKey = "zcrx-nic-state";

[[noreturn]] void Refuse(const std::string& why) {
  throw Json::other_error::create(501, why, static_cast<const Json*>(nullptr));
}

std::byte HexByte(std::string_view digits) {
  unsigned value = 0;
  std::from_chars(digits.begin(), digits.end(), value, 16);
  return static_cast<std::byte>(value);
}

Json Escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const bool plain = c > ' ' && c < '\x7f' && c != '%';
    text += plain ? std::string(1, c) : fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  return text;
}

std::string Unescaped(std::string_view text) {
  std::string name;
  while (!text.empty()) {
    const bool plain = text.front() != '%' || text.size() < 3;
    name += plain ? text.front() : static_cast<char>(HexByte(text.substr(1, 2)));
    text.remove_prefix(plain ? 1 : 3);
  }
  return name;
}

std::string Hex(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::byte byte : bytes) {
    fmt::format_to(std::back_inserter(text), "{:02x}", std::to_integer<unsigned>(byte));
  }
  return text;
}

std::vector<std::byte> Bytes(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (; hex.size() >= 2; hex.remove_prefix(2)) bytes.push_back(HexByte(hex.substr(0, 2)));
  return bytes;
}

// Conversion of single settings to JSON and back.
Json Write(uint32_t number) { return number; }
Json Write(uint64_t number) { return number; }
Json Write(bool yes) { return yes; }
Json Write(TcpDataSplit split) { return FieldText(split); }
void Read(const Json& json, uint32_t& number) { json.get_to(number); }
void Read(const Json& json, uint64_t& number) { json.get_to(number); }
void Read(const Json& json, bool& yes) { json.get_to(yes); }
void Read(const Json& json, TcpDataSplit& split) {
  const auto text = json.get<std::string>();
  for (const TcpDataSplit one :
       {TcpDataSplit::kUnknown, TcpDataSplit::kDisabled, TcpDataSplit::kEnabled}) {
    if (text == FieldText(one)) split = one;
  }
}

Json Write(const Rss& rss) {
  return {{"rss-indirection-table", rss.table},
          {"rss-hash-key", Hex(rss.key)},
          {"rss-hash-function", rss.hash_function},
          {"rss-input-transformation", rss.input_transform}};
}
void Read(const Json& json, Rss& rss) {
  json.at("rss-indirection-table").get_to(rss.table);
  rss.key = Bytes(json.at("rss-hash-key").get<std::string>());
  json.at("rss-hash-function").get_to(rss.hash_function);
  json.at("rss-input-transformation").get_to(rss.input_transform);
}

Json Write(const std::map<uint32_t, Rss>& contexts) {
  Json json = Json::object();
  for (const auto& [number, rss] : contexts) json[std::to_string(number)] = Write(rss);
  return json;
}
void Read(const Json& json, std::map<uint32_t, Rss>& contexts) {
  for (const auto& [key, rss] : json.items()) {
    uint32_t number = kMainRssContext;
    std::from_chars(key.data(), key.data() + key.size(), number);
    if (number == kMainRssContext) Refuse("rss-contexts: " + key + " is not an additional context");
    Read(rss, contexts[number]);
  }
}

Json Write(const std::map<std::string, NicState::Feature>& features) {
  Json json = Json::object();
  for (const auto& [name, feature] : features) {
    json[Escaped(name).get<std::string>()] = {{"active", feature.active},
                                              {"requested", feature.requested}};
  }
  return json;
}
void Read(const Json& json, std::map<std::string, NicState::Feature>& features) {
  for (const auto& [name, feature] : json.items()) {
    features[Unescaped(name)] = {.active = feature.at("active").get<bool>(),
                                 .requested = feature.at("requested").get<bool>()};
  }
}

Json Write(const FlowRules& rules) {
  Json list = Json::array();
  for (const RawFlowRule& rule : rules.rules) {
    list.push_back({{"location", rule.Location()},
                    {"rule", rule.Text()},
                    {"context", rule.context},
                    {"spec", Hex(rule.spec)}});
  }
  return {{"driver-numbers", rules.driver_numbers}, {"rules", std::move(list)}};
}
void Read(const Json& json, FlowRules& rules) {
  json.at("driver-numbers").get_to(rules.driver_numbers);
  for (const Json& one : json.at("rules")) {
    RawFlowRule& rule = rules.rules.emplace_back();
    const std::vector<std::byte> spec = Bytes(one.at("spec").get<std::string>());
    if (spec.size() != rule.spec.size()) {
      Refuse(fmt::format("flow-rules: a spec has {} bytes", spec.size()));
    }
    std::ranges::copy(spec, rule.spec.begin());
    one.at("context").get_to(rule.context);
  }
  if (std::ranges::adjacent_find(rules.rules, std::ranges::greater_equal{},
                                 &RawFlowRule::Location) != rules.rules.end()) {
    Refuse("flow-rules: not sorted by location");
  }
}

template <HasFields Struct>
Json Write(const Struct& values);
template <HasFields Struct>
void Read(const Json& json, Struct& values);

// Absent values are null: a missing member was cut out.
template <typename T>
Json Write(const std::optional<T>& value) {
  return value ? Write(*value) : Json();
}
template <typename T>
void Read(const Json& json, std::optional<T>& value) {
  if (!json.is_null()) Read(json, value.emplace());
}

template <HasFields Struct>
Json Write(const Struct& values) {
  Json json = Json::object();
  ForEachField<Struct>(
      [&](std::string_view name, auto member) { json[std::string(name)] = Write(values.*member); });
  return json;
}
template <HasFields Struct>
void Read(const Json& json, Struct& values) {
  ForEachField<Struct>([&](std::string_view name, auto member) {
    Read(json.at(std::string(name)), values.*member);
  });
}

}  // namespace

Json ToJson(const NicState& state) {
  Json json = {{kVersionKey, kVersion},
               {"interface", Escaped(state.nic.interface)},
               {"driver", Escaped(state.nic.driver)},
               {"bus", Escaped(state.nic.bus)},
               {"address", Escaped(state.nic.address)},
               {"index", state.nic.index},
               {"boot", Escaped(state.nic.boot)},
               {"link", state.admin_up ? "up" : "down"},
               {"mtu", state.mtu}};
  json.update(Write(state));
  return json;
}

NicState NicStateFrom(const Json& json) {
  if (json.at(kVersionKey) != kVersion) {
    Refuse(fmt::format("version {} is unknown", json.at(kVersionKey).dump()));
  }
  const auto name = [&](const char* key) { return Unescaped(json.at(key).get<std::string>()); };
  NicState state = {.nic = {.interface = name("interface"),
                            .driver = name("driver"),
                            .bus = name("bus"),
                            .address = name("address"),
                            .index = json.at("index").get<uint32_t>(),
                            .boot = name("boot")},
                    .admin_up = json.at("link").get<std::string>() == "up",
                    .mtu = json.at("mtu").get<uint32_t>()};
  Read(json, state);
  return state;
}

std::string DocumentText(const Json& object) {
  std::string text = "{";
  for (const auto& [name, value] : object.items()) {
    text += fmt::format("{}\n{}:{}", text.size() == 1 ? "" : ",", Json(name).dump(), value.dump());
  }
  return text + "\n}\n";
}

Status ParseDocument(const std::string& operation, std::string_view text,
                     const std::function<Json(const Json&)>& parse) {
  try {
    if (DocumentText(parse(Json::parse(text))) == text) return {};
    return Fail(operation, EBADMSG, "it is not in the form this program writes");
  } catch (const Json::exception& problem) {
    // "[json.exception.parse_error.101] parse error at line 1, ...".
    const std::string_view what = problem.what();
    return Fail(operation, EBADMSG, std::string(what.substr(what.find("] ") + 2)));
  }
}

std::string SerializeNicState(const NicState& state) { return DocumentText(ToJson(state)); }

Result<NicState> ParseNicState(std::string_view text) {
  const std::string operation = "read the state of a NIC";
  if (text.size() > kMostStateText) {
    return Fail(operation, EFBIG,
                fmt::format("{} bytes, but at most {} are read", text.size(), kMostStateText));
  }
  NicState state;
  ZCRX_RETURN_IF_ERROR(ParseDocument(operation, text, [&](const Json& json) {
    state = NicStateFrom(json);
    return ToJson(state);
  }));
  return state;
}

}  // namespace zcrx
