// An area that is small, and not too small for the driver.
#pragma once

#include "fixtures/zcrx_test.h"
#include "support/base/pages.h"
#include "support/nic/configure.h"

namespace zcrx {

// gve's least ring; what a driver refuses stays as it is.
inline constexpr uint32_t kSmallRing = 256;
// The driver fills its rings from the area before anything arrives, bnxt with four buffers for each
// descriptor, and drops what it has no further buffer for.
inline constexpr uint32_t kPagesPerDescriptor = 6;

// SO_RCVBUF for connections into such an area. What waits for the application, or for a segment
// that was lost, leaves the driver buffers for that segment: bnxt drops what it has no further
// buffer for, so that without it nothing would ever move again. The kernel counts pages, and
// doubles it (socket(7)).
inline int SmallAreaReceiveBuffer(size_t area) {
  return static_cast<int>(area / kPagesPerDescriptor / 2);
}

// Makes the NIC's receive rings small, and says how large an area they need. Before
// ConfigureQueue().
inline Result<size_t> SmallAreaBytes(Nic& nic, UndoStack& undo) {
  const Status small = ConfigureRings(nic, {.rx = kSmallRing}, undo);
  if (!small && small.error().code != EINVAL && small.error().code != EOPNOTSUPP) {
    return std::unexpected(small.error());
  }
  ZCRX_ASSIGN_OR_RETURN(const Rings rings, GetRings(nic));
  return size_t{rings.rx.value_or(kSmallRing)} * kPagesPerDescriptor * PageBytes();
}

}  // namespace zcrx
