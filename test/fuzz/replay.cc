// A fuzz target without its fuzzer: fuzz_NAME [--random COUNT] [FILE...]
//
// Runs it on what the files hold (to look at a crash in a debugger), and on inputs of random
// numbers, the same ones each time.
#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <random>
#include <span>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

bool RunFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    fmt::print(stderr, "cannot read {}\n", path);
    return false;
  }
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return true;
}

bool RunRandom(std::string_view text) {
  unsigned count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size()) {
    fmt::print(stderr, "--random takes a number, not '{}'\n", text);
    return false;
  }
  constexpr std::size_t kMostBytes = 1024;
  std::mt19937 random(1);
  for (unsigned i = 0; i < count; ++i) {
    std::vector<std::uint8_t> bytes(random() % kMostBytes);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  return true;
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): nothing throws but a lack of memory, which ends it
int main(int argc, char** argv) {
  const auto arguments = std::span(argv, static_cast<std::size_t>(argc)).subspan(1);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool random = arguments[i] == std::string_view("--random") && i + 1 < arguments.size();
    if (random ? !RunRandom(arguments[++i]) : !RunFile(arguments[i])) return 2;
  }
  return 0;
}
