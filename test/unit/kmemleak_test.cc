#include "support/kernel/kmemleak.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// __print_unreferenced() in mm/kmemleak.c.
constexpr std::string_view kList = R"(unreferenced object 0xffff888003a5c000 (size 192):
  comm "zcrx_tests", pid 99, jiffies 4294901234
  hex dump (first 32 bytes):
    00 00 00 00 00 00 00 00 40 1a 1c 0f 80 88 ff ff  ........@.......
  backtrace (crc 1a2b3c4d):
    kmemleak_alloc+0x4d/0x80
    __kmalloc_cache_noprof+0x2a1/0x3b0
    io_register_zcrx+0x1a1/0x9e0
    __do_sys_io_uring_register+0x21b/0x9e0
unreferenced object 0xffff888003a5d000 (size 64):
  comm "init", pid 1, jiffies 4294667301
  hex dump (first 32 bytes):
    00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  ................
  backtrace (crc 0):
    kmemleak_alloc+0x4d/0x80
    acpi_ns_evaluate+0x1a1/0x440
unreferenced object (percpu) 0x607fe2c0a3b8 (size 8):
  comm "kworker/0:1", pid 9, jiffies 4294901299
  backtrace (crc 0):
    pcpu_alloc_noprof+0x6f1/0xab0
    mlx5e_open_channels+0x5a1/0x1f20 [mlx5_core]
    mlx5e_safe_switch_params+0x1c2/0x3e0 [mlx5_core]
)";

TEST(LeaksOf, AreThoseOfZcrxAndTheDriver) {
  EXPECT_THAT(LeaksOf(kList, "mlx5_core"),
              ElementsAre("unreferenced object 0xffff888003a5c000 (size 192): called from "
                          "io_register_zcrx+0x1a1/0x9e0, __do_sys_io_uring_register+0x21b/0x9e0",
                          "unreferenced object (percpu) 0x607fe2c0a3b8 (size 8): called from "
                          "pcpu_alloc_noprof+0x6f1/0xab0, mlx5e_open_channels+0x5a1/0x1f20 "
                          "[mlx5_core], mlx5e_safe_switch_params+0x1c2/0x3e0 [mlx5_core]"));
  EXPECT_EQ(LeaksOf(kList, "gve").size(), 1);
  EXPECT_EQ(LeaksOf(kList, "kmem").size(), 1);  // kmemleak_alloc() is no driver's
  EXPECT_THAT(LeaksOf("", "gve"), IsEmpty());
}

TEST(ScanForLeaks, FindsNoneWhereTheKernelDoesNotLook) {
  EXPECT_EQ(ScanForLeaks(Deadline::In(1h), "/nowhere/kmemleak"), "");
  // kmemleak_write() refuses while it is switched off.
  EXPECT_EQ(ScanForLeaks(Deadline::In(1h), "/proc/self/mountinfo"), "");
}

TEST(ScanForLeaks, ScansTwiceBeforeItReads) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "kmemleak";
  std::ofstream(path).close();
  EXPECT_EQ(ScanForLeaks(Deadline::In(0s), path), "scanscan");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace zcrx
