// Rx queues in the netdev family: their memory providers, page pools and statistics. Source:
// Documentation/netlink/specs/netdev.yaml, net/core/netdev-genl.c, page_pool_user.c.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/nic/netlink/message.h"
#include "support/nic/nic.h"

namespace zcrx {

// Returns whether this kernel shows queues (netdev queue-get, 6.8). A kernel that does not has no
// memory providers either; the calls below fail on it.
bool CanSeeQueues(Nic& nic);

struct RxQueue {
  uint32_t id = 0;
  std::optional<uint32_t> napi_id = {};
  bool io_uring = false;                // an io_uring memory provider (zcrx) is bound
  std::optional<uint32_t> dmabuf = {};  // number of the binding of a devmem provider
  std::optional<uint32_t> lessee = {};  // index of the virtual device that has it on lease
  bool xsk = false;                     // an AF_XDP socket, which leaves as providers do

  [[nodiscard]] bool HasProvider() const { return io_uring || dmabuf.has_value(); }
  bool operator==(const RxQueue&) const = default;
};
Result<RxQueue> GetRxQueue(Nic& nic, uint32_t queue);
// Returns all rx queues; none while the interface is down.
Result<std::vector<RxQueue>> GetRxQueues(Nic& nic);

struct PagePool {
  uint64_t id = 0;
  std::optional<uint32_t> ifindex = {};  // absent once the device is gone
  std::optional<uint64_t> napi_id = {};
  uint64_t inflight = 0;  // buffers outside the pool
  uint64_t inflight_bytes = 0;
  // Seconds since boot at which the pool was destroyed; it still waits for its buffers.
  std::optional<uint64_t> detach_time = {};
  bool io_uring = false;
  // In bytes (7.0). io_uring's value, not the NIC's.
  std::optional<uint64_t> io_uring_rx_buf_len = {};

  bool operator==(const PagePool&) const = default;
};
// Returns the page pools of this interface.
Result<std::vector<PagePool>> GetPagePools(Nic& nic);

// What the kernel tells of page pools from now on: multicast group "page-pool" (6.8).
class PagePoolNews {
 public:
  enum class Kind : uint8_t { kCame, kWent };

  // Fails with EOPNOTSUPP if the kernel has no such group.
  static Result<PagePoolNews> Listen(Nic& nic);
  // Waits for news of this kind about a pool that `of` is true of. Fails with ETIMEDOUT at the
  // deadline, with ENOBUFS if some were lost.
  Result<PagePool> Next(Kind kind, const std::function<bool(const PagePool&)>& of,
                        Deadline deadline);

 private:
  explicit PagePoolNews(std::unique_ptr<Notifications> news) : news_(std::move(news)) {}
  std::unique_ptr<Notifications> news_;
};

struct RxQueueStats {
  uint32_t queue = 0;
  // Absent if the driver does not count it. May restart at 0 when the queue is restarted.
  std::optional<uint64_t> packets = {};
  std::optional<uint64_t> bytes = {};
  std::optional<uint64_t> alloc_fail = {};

  bool operator==(const RxQueueStats&) const = default;
};
// Returns per-queue statistics. Fails with EOPNOTSUPP if the driver has none.
Result<std::vector<RxQueueStats>> GetRxQueueStats(Nic& nic);

// Waits until no memory provider is bound to the queue. A provider leaves its queue in a kworker,
// some time after the ring's fd was closed. Until then rings, channels and tcp-data-split cannot be
// changed (EINVAL) and zcrx cannot be registered again (EEXIST). Fails with ETIMEDOUT at the
// deadline; the error names the queues.
//
// Subscribes to page pool notifications before it first reads the queue, so that it misses none.
Status WaitForProviderGone(Nic& nic, uint32_t queue, Deadline deadline);
inline constexpr std::chrono::seconds kProviderLeaves{10};  // how long that may take
// As above, for all queues of the NIC.
Status WaitForAllProvidersGone(Nic& nic, Deadline deadline);

// Parse one message of the answer to NETDEV_CMD_QUEUE_GET, _PAGE_POOL_GET or _QSTATS_GET. Return
// nullopt if it is not about an rx queue or lacks the fields that the kernel always sends.
std::optional<RxQueue> ParseRxQueue(netlink::Attributes reply);
std::optional<PagePool> ParsePagePool(netlink::Attributes reply);
std::optional<RxQueueStats> ParseRxQueueStats(netlink::Attributes reply);

}  // namespace zcrx
