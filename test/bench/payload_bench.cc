// What checking costs, against memcmp over the same memory: run both in one go and compare, since
// absolute figures are the machine's.
//   payload_bench --benchmark_repetitions=5 --benchmark_report_aggregates_only=true
#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "support/payload/payload.h"

namespace {

constexpr uint64_t kSeed = 42;
constexpr uint64_t kMessage = 12840;  // not a multiple of the block, as on the wire

std::vector<std::byte> Stream(size_t bytes) {
  std::vector<std::byte> stream(bytes);
  zcrx::Payload(kSeed).Fill(kMessage, stream);
  return stream;
}

void Count(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void Memcmp(benchmark::State& state) {
  const auto stream = Stream(static_cast<size_t>(state.range(0)));
  const auto same = Stream(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    benchmark::DoNotOptimize(std::memcmp(stream.data(), same.data(), stream.size()));
  }
  Count(state);
}

void Check(benchmark::State& state) {
  const zcrx::Payload payload(kSeed);
  const auto stream = Stream(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    const auto status = payload.Check(kMessage, stream);
    if (!status.has_value()) state.SkipWithError(status.error().Text().c_str());
  }
  Count(state);
}

void Fill(benchmark::State& state) {
  const zcrx::Payload payload(kSeed);
  auto stream = Stream(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    payload.Fill(kMessage, stream);
    benchmark::DoNotOptimize(stream.data());
    benchmark::ClobberMemory();
  }
  Count(state);
}

// A segment, a page, a large chunk, and more than the caches hold.
BENCHMARK(Memcmp)->Arg(1448)->Arg(4096)->Arg(32 << 10)->Arg(64 << 20);
BENCHMARK(Check)->Arg(1448)->Arg(4096)->Arg(32 << 10)->Arg(64 << 20);
BENCHMARK(Fill)->Arg(1448)->Arg(4096)->Arg(32 << 10)->Arg(64 << 20);

}  // namespace
