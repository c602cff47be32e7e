// Makes every CPU of this machine receive.
#pragma once

#include "support/base/result.h"

namespace zcrx {

// Sends a datagram over loopback from each CPU that this process may use, so that each receives
// one. A segment that was read on another CPU than the one that received it waits there until that
// CPU receives again (skb_attempt_defer_free() in net/core/skbuff.c: up to 64 of them, without a
// time limit), and keeps its buffers, so the page pool and the area, from being given back.
// The affinity of the calling thread stays. Fails with ENETUNREACH if loopback is down.
Status ReceiveOnEachCpu();

}  // namespace zcrx
