// An area that is small, and not too small for the driver.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fixtures/zcrx_test.h"
#include "support/base/pages.h"

namespace zcrx {

// Before anything arrives, the driver fills the ring that payload goes to from the area, and later
// it drops what it has no further buffer for: half as many again are left for TCP's disorder.
inline constexpr size_t kPagesPerBuffer = 6;  // of a ring whose headers and payload share it
// bnxt has a ring of its own for payload, which ethtool calls jumbo.
inline size_t SmallAreaBytes(const RingsChange& rings) {
  const size_t jumbo = rings.rx_jumbo.value_or(0);
  const size_t pages =
      jumbo != 0 ? jumbo + jumbo / 2 : rings.rx.value_or(kSmallRing) * kPagesPerBuffer;
  return pages * PageBytes();
}

// Has the receiver leave the driver buffers of an area of so many bytes, whatever the pace.
inline void ReceiveInto(size_t area, ReceiverOptions& options) {
  options.ifq.area.bytes = area;
  // The kernel counts pages, and doubles it (socket(7)). What waits for the application, or for a
  // segment that was lost, leaves buffers for that segment: bnxt drops what it has no further
  // buffer for, so that without it nothing would ever move again.
  options.receive_buffer = static_cast<int>(area / kPagesPerBuffer / 2);
  // A request goes on as long as packets come (io_poll_check_events() in io_uring/poll.c), and the
  // application gives nothing back meanwhile: one without a limit can use up any area.
  options.request_bytes = static_cast<uint32_t>(area / kPagesPerBuffer / 2);
}

// Has an area of so many bytes run dry, which the kernel is to tell: nothing is given back.
inline void RunDry(size_t area, ReceiverOptions& options) {
  options.ifq.area.bytes = area;
  options.return_buffers = false;
}

}  // namespace zcrx
