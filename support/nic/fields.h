// A setting that consists of several values names them once, in its Fields(); comparing, changing,
// showing and writing them down follows from that.
//
//   struct Channels {
//     std::optional<uint32_t> rx;
//     static constexpr auto Fields() { return std::tuple{Field{"rx", &Channels::rx}}; }
//   };
#pragma once

#include <fmt/format.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

namespace zcrx {

// `name`: as `ethtool --json` has it.
template <typename Struct, typename T>
struct Field {
  std::string_view name;
  T Struct::* member;
};

template <typename Struct>
concept HasFields = requires { Struct::Fields(); };

// Calls visit(name, member pointer) for each.
template <HasFields Struct, typename Visitor>
void ForEachField(Visitor visit) {
  std::apply([&](const auto&... fields) { (visit(fields.name, fields.member), ...); },
             Struct::Fields());
}

inline std::string FieldText(uint64_t number) { return std::to_string(number); }

template <typename T>
std::string FieldText(const std::optional<T>& value) {
  return value ? FieldText(*value) : "none";
}

// What of `wanted` is not so in `now`. Absent in `wanted`: left as it is.
template <HasFields Struct>
Struct Changed(const Struct& wanted, const Struct& now) {
  Struct change;
  ForEachField<Struct>([&](std::string_view, auto member) {
    if (wanted.*member && wanted.*member != now.*member) change.*member = wanted.*member;
  });
  return change;
}

// `values` with what `change` has.
template <HasFields Struct>
Struct WithChange(Struct values, const Struct& change) {
  ForEachField<Struct>([&](std::string_view, auto member) {
    if (change.*member) values.*member = change.*member;
  });
  return values;
}

// "rx 64, tcp-data-split on": those that are there.
template <HasFields Struct>
std::string TextOf(const Struct& values) {
  std::string text;
  ForEachField<Struct>([&](std::string_view name, auto member) {
    if (!(values.*member)) return;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, FieldText(*(values.*member)));
  });
  return text;
}

}  // namespace zcrx
