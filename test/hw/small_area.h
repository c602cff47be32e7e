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

// Has the receiver leave the driver buffers of an area of so many bytes, whatever the pace.
inline void ReceiveInto(size_t area, ReceiverOptions& options) {
  options.ifq.area.bytes = area;
  // The kernel counts pages, and doubles it (socket(7)). What waits for the application, or for a
  // segment that was lost, leaves buffers for that segment: bnxt drops what it has no further
  // buffer for, so that without it nothing would ever move again.
  options.receive_buffer = static_cast<int>(area / kPagesPerDescriptor / 2);
  // A request goes on as long as packets come (io_poll_check_events() in io_uring/poll.c), and the
  // application gives nothing back meanwhile: one without a limit can use up any area.
  options.request_bytes = static_cast<uint32_t>(area / kPagesPerDescriptor / 2);
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
