#include "support/kernel/tcp_checksums.h"

#include <fstream>
#include <iterator>
#include <ranges>
#include <string>
#include <vector>

#include "support/base/numbers.h"

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
      if (const auto value = ParseNumber<uint64_t>(lines[1][i])) return *value;
    }
  }
  return Fail(fmt::format("find {} of TCP in {}", kName, kFile));
}

}  // namespace zcrx
