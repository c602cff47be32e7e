// The memory that the kernel has lost, where it looks for that (CONFIG_DEBUG_KMEMLEAK): the list in
// /sys/kernel/debug/kmemleak (Documentation/dev-tools/kmemleak.rst).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"

namespace zcrx {

inline constexpr std::string_view kKmemleak = "/sys/kernel/debug/kmemleak";

// Makes the kernel look for leaks until `deadline`, and twice at least: it leaves out objects of
// the last 5 s (MSECS_MIN_AGE in mm/kmemleak.c) and those that changed since the scan before.
// Returns its list; empty also if there is none: no debugfs, no kmemleak, or it is switched off.
std::string ScanForLeaks(Deadline deadline, const std::filesystem::path& file = kKmemleak);

// Returns the list as it is.
std::string ReadLeaks(const std::filesystem::path& file = kKmemleak);

// Returns what zcrx, the page pool, the restart of a queue or `driver` allocated of a list, a line
// each: "unreferenced object 0xffff88800f1c1a40 (size 192): called from f+0x1/0x2, g+0x3/0x4".
std::vector<std::string> LeaksOf(std::string_view list, std::string_view driver);

}  // namespace zcrx
