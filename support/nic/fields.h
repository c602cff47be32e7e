// Settings of several values. A struct lists them once in Fields(); comparing, changing, printing
// and serializing use that list.
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

// `name` is the key in the output of `ethtool --json`.
template <typename Struct, typename T>
struct Field {
  std::string_view name;
  T Struct::* member;
};

template <typename Struct>
concept HasFields = requires { Struct::Fields(); };

// Calls visit(name, member pointer) for each field.
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

// Returns the fields of `wanted` that differ from `now`. Those absent in `wanted` are left as they
// are.
template <HasFields Struct>
Struct Changed(const Struct& wanted, const Struct& now) {
  Struct change;
  ForEachField<Struct>([&](std::string_view, auto member) {
    if (wanted.*member && wanted.*member != now.*member) change.*member = wanted.*member;
  });
  return change;
}

// Returns `values` with the fields of `change` that are set.
template <HasFields Struct>
Struct WithChange(Struct values, const Struct& change) {
  ForEachField<Struct>([&](std::string_view, auto member) {
    if (change.*member) values.*member = change.*member;
  });
  return values;
}

// Returns the fields that are set: "rx 64, tcp-data-split on".
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
