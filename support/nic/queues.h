// Rx queues as the netdev family shows them: who feeds them memory, and what they received.
// Source: Documentation/netlink/specs/netdev.yaml, net/core/netdev-genl.c, page_pool_user.c.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/nic/netlink/message.h"
#include "support/nic/nic.h"

namespace zcrx {

// Whether this kernel shows queues at all (netdev queue-get, 6.8). One that does not has no memory
// providers either; the calls below fail on it.
bool CanSeeQueues(Nic& nic);

struct RxQueue {
  uint32_t id = 0;
  std::optional<uint32_t> napi_id = {};
  bool io_uring = false;                // an io_uring memory provider (zcrx) is bound
  std::optional<uint32_t> dmabuf = {};  // the binding's number, where a devmem provider is bound

  [[nodiscard]] bool HasProvider() const { return io_uring || dmabuf.has_value(); }
  bool operator==(const RxQueue&) const = default;
};
Result<RxQueue> GetRxQueue(Nic& nic, uint32_t queue);
// None while the interface is down.
Result<std::vector<RxQueue>> GetRxQueues(Nic& nic);

struct PagePool {
  uint64_t id = 0;
  std::optional<uint32_t> ifindex = {};  // absent once its device is gone
  std::optional<uint64_t> napi_id = {};
  uint64_t inflight = 0;  // buffers outside the pool
  uint64_t inflight_bytes = 0;
  std::optional<uint64_t> detach_time =
      {};  // seconds since boot: destroyed, waiting for its buffers
  bool io_uring = false;
  std::optional<uint64_t> io_uring_rx_buf_len =
      {};  // bytes; io_uring's figure, not the NIC's (7.0)

  bool operator==(const PagePool&) const = default;
};
// Those of this interface.
Result<std::vector<PagePool>> GetPagePools(Nic& nic);

struct RxQueueStats {
  uint32_t queue = 0;
  // Absent where the driver does not count it. May start again at 0 when the queue is restarted.
  std::optional<uint64_t> packets = {};
  std::optional<uint64_t> bytes = {};
  std::optional<uint64_t> alloc_fail = {};

  bool operator==(const RxQueueStats&) const = default;
};
// EOPNOTSUPP where the driver has no per-queue statistics.
Result<std::vector<RxQueueStats>> GetRxQueueStats(Nic& nic);

// A provider leaves its queue in a kworker, some time after the ring's fd was closed. Until then
// rings, channels and tcp-data-split cannot be changed (EINVAL) and zcrx cannot be registered again
// (EEXIST). Both calls listen to the page pools' notifications from before the first look; the
// error of an expired wait is ETIMEDOUT and names the queues.
Status WaitForProviderGone(Nic& nic, uint32_t queue, Deadline deadline);
// From all queues of the NIC.
Status WaitForAllProvidersGone(Nic& nic, Deadline deadline);

// One message of the answers to NETDEV_CMD_QUEUE_GET, _PAGE_POOL_GET and _QSTATS_GET. Absent: not
// about an rx queue, or without the fields that the kernel always sends.
std::optional<RxQueue> ParseRxQueue(netlink::Attributes reply);
std::optional<PagePool> ParsePagePool(netlink::Attributes reply);
std::optional<RxQueueStats> ParseRxQueueStats(netlink::Attributes reply);

}  // namespace zcrx
