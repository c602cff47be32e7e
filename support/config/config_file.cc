#include "support/config/config_file.h"

#include <algorithm>

#include "support/base/files.h"

namespace zcrx {
namespace {

constexpr size_t kMaxFile = 64UL * 1024;
constexpr size_t kMaxQuoted = 80;
constexpr std::string_view kBlanks = " \t\r";

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool IsKey(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return letter(c) || digit(c); });
}

// Parses the text after the =, with or without quotes and a comment.
Result<std::string> ParseValue(std::string_view text) {
  if (!text.starts_with('"') && !text.starts_with('\'')) {
    return std::string(Trim(text.substr(0, text.find('#'))));
  }
  const size_t close = text.find(text.front(), 1);
  if (close == text.npos) return Fail("the closing quote is missing");
  const std::string_view rest = Trim(text.substr(close + 1));
  if (!rest.empty() && !rest.starts_with('#'))
    return Fail("unexpected text after the closing quote");
  return std::string(text.substr(1, close - 1));
}

Result<ConfigLine> ParseLine(std::string_view text) {
  if (text.contains('\0')) return Fail("the line contains a NUL byte");
  const size_t equals = text.find('=');
  if (equals == text.npos) return Fail(Quoted(text) + " is not KEY=VALUE");
  const std::string_view key = Trim(text.substr(0, equals));
  if (!IsKey(key)) return Fail(Quoted(key) + " is not a key");
  ZCRX_ASSIGN_OR_RETURN(std::string value, ParseValue(Trim(text.substr(equals + 1))));
  return ConfigLine{.key = std::string(key), .value = std::move(value)};
}

}  // namespace

ConfigFileContent ParseConfigFile(std::string_view text) {
  ConfigFileContent content;
  for (int number = 1; !text.empty(); ++number) {
    const size_t newline = text.find('\n');
    const std::string_view line = Trim(text.substr(0, newline));
    text.remove_prefix(newline == text.npos ? text.size() : newline + 1);
    if (line.empty() || line.starts_with('#')) continue;
    Result<ConfigLine> parsed = ParseLine(line);
    if (!parsed.has_value()) {
      content.problems.push_back(fmt::format("line {}: {}", number, parsed.error().Text()));
      continue;
    }
    parsed->line = number;
    content.lines.push_back(*std::move(parsed));
  }
  return content;
}

Result<std::string> ReadConfigFile(const std::string& path) { return ReadFile(path, kMaxFile); }

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text.substr(0, kMaxQuoted)) {
    if (c == '"' || c == '\\') {
      quoted += {'\\', c};
    } else if (c >= ' ' && c <= '~') {
      quoted += c;
    } else {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return quoted + (text.size() > kMaxQuoted ? "...\"" : "\"");
}

}  // namespace zcrx
