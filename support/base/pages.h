// Sizes of memory pages.
#pragma once

#include <unistd.h>

#include <cstddef>

namespace zcrx {

// Page size of the pool in /sys/kernel/mm/hugepages/hugepages-2048kB.
inline constexpr size_t kHugePageBytes = size_t{2} << 20;

inline size_t PageBytes() { return static_cast<size_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace zcrx
