#include "support/net/each_cpu.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "fixtures/result_matchers.h"

namespace zcrx {
namespace {

// Returns what each CPU has received so far: the first and the 13th number of a line of
// softnet_seq_show() in net/core/net-procfs.c.
std::map<size_t, uint32_t> ReceivedByCpu() {
  constexpr int kCpuColumn = 12;
  std::map<size_t, uint32_t> received;
  std::ifstream file("/proc/net/softnet_stat");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    uint32_t packets = 0;
    words >> std::hex >> packets;
    std::string word;
    for (int column = 0; column < kCpuColumn - 1; ++column) words >> word;
    size_t cpu = 0;
    words >> cpu;
    received[cpu] = packets;
  }
  return received;
}

TEST(ReceiveOnEachCpuTest, EachReceivesAndTheThreadStaysWhereItWas) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  std::map<size_t, uint32_t> had = ReceivedByCpu();
  ASSERT_FALSE(had.empty());
  EXPECT_OK(ReceiveOnEachCpu());
  std::map<size_t, uint32_t> has = ReceivedByCpu();
  for (size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &before)) {
      EXPECT_NE(had[cpu], has[cpu]) << "CPU " << cpu;
    }
  }
  cpu_set_t after;
  ASSERT_EQ(sched_getaffinity(0, sizeof(after), &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

}  // namespace
}  // namespace zcrx
