#include "support/kernel/tcp_checksums.h"

#include <charconv>
#include <fstream>
#include <iterator>
#include <ranges>
#include <string>
#include <vector>

namespace zcrx {
namespace {

constexpr const char* kFile = "/proc/net/snmp";
constexpr std::string_view kTcp = "Tcp:";
constexpr std::string_view kName = "InCsumErrors";

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  for (const auto word : line | std::views::split(' ')) words.emplace_back(word);
  return words;
}

}  // namespace

Result<uint64_t> CountTcpChecksumErrors() {
  std::ifstream file(kFile);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (text.empty()) return Fail(fmt::format("read {}", kFile));
  return ParseTcpChecksumErrors(text);
}

Result<uint64_t> ParseTcpChecksumErrors(std::string_view snmp) {
  std::vector<std::vector<std::string_view>> lines;
  for (const auto part : snmp | std::views::split('\n')) {
    const std::string_view line(part);
    if (line.starts_with(kTcp)) lines.push_back(Words(line));
  }
  if (lines.size() == 2 && lines[0].size() == lines[1].size()) {
    for (size_t i = 0; i < lines[0].size(); ++i) {
      if (lines[0][i] != kName) continue;
      const std::string_view text = lines[1][i];
      const char* const end = std::to_address(text.end());
      uint64_t value = 0;
      const auto [stopped, error] = std::from_chars(std::to_address(text.begin()), end, value);
      if (error == std::errc() && stopped == end) return value;
    }
  }
  return Fail(fmt::format("find {} of TCP in {}", kName, kFile));
}

}  // namespace zcrx
