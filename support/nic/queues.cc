#include "support/nic/queues.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "support/base/wait.h"
#include "support/nic/uapi.h"

namespace zcrx {
namespace {

// Interval for reading the queues even without a notification: a page pool that is not tied to a
// net device sends none, and kernels before 6.8 have no such group.
constexpr std::chrono::milliseconds kLookAgain{100};

std::string StillBound(const std::vector<RxQueue>& queues) {
  std::string names;
  for (const RxQueue& queue : queues) {
    if (!queue.HasProvider() && !queue.xsk) continue;
    names += fmt::format("{}queue {} ({})", names.empty() ? "" : ", ", queue.id,
                         queue.io_uring ? "io_uring"
                         : queue.dmabuf ? "dmabuf"
                                        : "AF_XDP");
  }
  return "still bound: " + names;
}

// Queues are restarted, and page pools created and destroyed, under the lock that queue-get takes
// (netdev_rx_queue_reconfig): a read after the notification of a pool sees the completed change.
Status WaitUntilUnbound(Nic& nic, const std::string& operation, std::optional<uint32_t> only,
                        Deadline deadline) {
  const Result<netlink::Family>& netdev = nic.Netdev();
  if (!netdev) return std::unexpected(netdev.error());
  std::unique_ptr<Notifications> pools;
  if (const auto group = netdev->Group(NETDEV_MCGRP_PAGE_POOL)) {
    ZCRX_ASSIGN_OR_RETURN(pools, nic.GetKernel().Listen(NETLINK_GENERIC, *group));
  }
  // AF_XDP on another queue is somebody else's, and hinders no setting.
  const auto awaited = [only](const RxQueue& queue) {
    return only ? queue.id == *only && (queue.HasProvider() || queue.xsk) : queue.HasProvider();
  };
  while (true) {
    ZCRX_ASSIGN_OR_RETURN(const auto queues, GetRxQueues(nic));
    if (std::ranges::none_of(queues, awaited)) return {};
    if (deadline.Expired()) return FailExpired(operation, StillBound(queues));
    const Deadline look_again = Deadline::Exactly(kLookAgain).Earlier(deadline);
    if (pools) {
      ZCRX_RETURN_IF_ERROR(pools->Next(look_again));
    } else {
      ZCRX_RETURN_IF_ERROR(PollUntil(operation, {}, look_again));
    }
  }
}

template <typename T>
std::vector<T> ParseAll(const std::vector<netlink::Message>& messages,
                        std::optional<T> (*parse)(netlink::Attributes)) {
  std::vector<T> values;
  for (const netlink::Message& message : messages) {
    if (auto value = parse(message.Attrs())) values.push_back(*std::move(value));
  }
  return values;
}

// Returns nullopt for 0, which stands for no NAPI (net/core/dev.h: MIN_NAPI_ID is above the number
// of possible CPUs).
std::optional<uint32_t> NonZero(std::optional<uint32_t> value) {
  return value.value_or(0) == 0 ? std::nullopt : value;
}

}  // namespace

std::optional<RxQueue> ParseRxQueue(netlink::Attributes reply) {
  const auto id = reply.U32(uapi::NETDEV_A_QUEUE_ID);
  if (!id || reply.U32(uapi::NETDEV_A_QUEUE_TYPE) != uapi::NETDEV_QUEUE_TYPE_RX)
    return std::nullopt;
  return RxQueue{
      .id = *id,
      .napi_id = NonZero(reply.U32(uapi::NETDEV_A_QUEUE_NAPI_ID)),
      .io_uring = reply.Has(uapi::NETDEV_A_QUEUE_IO_URING),
      .dmabuf = reply.U32(uapi::NETDEV_A_QUEUE_DMABUF),
      .lessee = reply.Nested(uapi::NETDEV_A_QUEUE_LEASE).U32(uapi::NETDEV_A_LEASE_IFINDEX),
      .xsk = reply.Has(uapi::NETDEV_A_QUEUE_XSK)};
}

std::optional<PagePool> ParsePagePool(netlink::Attributes reply) {
  const auto id = reply.Uint(uapi::NETDEV_A_PAGE_POOL_ID);
  if (!id) return std::nullopt;
  return PagePool{
      .id = *id,
      .ifindex = reply.U32(uapi::NETDEV_A_PAGE_POOL_IFINDEX),
      .napi_id = reply.Uint(uapi::NETDEV_A_PAGE_POOL_NAPI_ID),
      .inflight = reply.Uint(uapi::NETDEV_A_PAGE_POOL_INFLIGHT).value_or(0),
      .inflight_bytes = reply.Uint(uapi::NETDEV_A_PAGE_POOL_INFLIGHT_MEM).value_or(0),
      .detach_time = reply.Uint(uapi::NETDEV_A_PAGE_POOL_DETACH_TIME),
      .io_uring = reply.Has(uapi::NETDEV_A_PAGE_POOL_IO_URING),
      .io_uring_rx_buf_len = reply.Nested(uapi::NETDEV_A_PAGE_POOL_IO_URING)
                                 .Uint(uapi::NETDEV_A_IO_URING_PROVIDER_INFO_RX_BUF_LEN)};
}

std::optional<RxQueueStats> ParseRxQueueStats(netlink::Attributes reply) {
  const auto queue = reply.U32(uapi::NETDEV_A_QSTATS_QUEUE_ID);
  if (!queue || reply.U32(uapi::NETDEV_A_QSTATS_QUEUE_TYPE) != uapi::NETDEV_QUEUE_TYPE_RX)
    return std::nullopt;
  return RxQueueStats{.queue = *queue,
                      .packets = reply.Uint(uapi::NETDEV_A_QSTATS_RX_PACKETS),
                      .bytes = reply.Uint(uapi::NETDEV_A_QSTATS_RX_BYTES),
                      .alloc_fail = reply.Uint(uapi::NETDEV_A_QSTATS_RX_ALLOC_FAIL)};
}

bool CanSeeQueues(Nic& nic) {
  return nic.Netdev().has_value() && nic.Netdev()->Has(uapi::NETDEV_CMD_QUEUE_GET);
}

Result<RxQueue> GetRxQueue(Nic& nic, uint32_t queue) {
  const Result<netlink::Family>& netdev = nic.Netdev();
  if (!netdev) return std::unexpected(netdev.error());
  auto request = netdev->Get(fmt::format("get rx queue {} of {}", queue, nic.Name()),
                             uapi::NETDEV_CMD_QUEUE_GET);
  request.PutU32(uapi::NETDEV_A_QUEUE_IFINDEX, nic.Index())
      .PutU32(uapi::NETDEV_A_QUEUE_TYPE, uapi::NETDEV_QUEUE_TYPE_RX)
      .PutU32(uapi::NETDEV_A_QUEUE_ID, queue);
  ZCRX_ASSIGN_OR_RETURN(const auto reply, nic.CallForOne(request));
  if (const auto found = ParseRxQueue(reply.Attrs())) return *found;
  return Fail(request.Operation(), EBADMSG, "the kernel's answer is not about an rx queue");
}

Result<std::vector<RxQueue>> GetRxQueues(Nic& nic) {
  const Result<netlink::Family>& netdev = nic.Netdev();
  if (!netdev) return std::unexpected(netdev.error());
  auto request = netdev->Dump("get queues of " + nic.Name(), uapi::NETDEV_CMD_QUEUE_GET);
  request.PutU32(uapi::NETDEV_A_QUEUE_IFINDEX, nic.Index());
  ZCRX_ASSIGN_OR_RETURN(const auto replies, nic.Call(request));
  return ParseAll(replies, ParseRxQueue);
}

Result<std::vector<PagePool>> GetPagePools(Nic& nic) {
  const Result<netlink::Family>& netdev = nic.Netdev();
  if (!netdev) return std::unexpected(netdev.error());
  // Older kernels (6.18) refuse to filter by interface, so the filter is applied here.
  auto request = netdev->Dump("get page pools of " + nic.Name(), uapi::NETDEV_CMD_PAGE_POOL_GET);
  ZCRX_ASSIGN_OR_RETURN(const auto replies, nic.Call(request));
  auto pools = ParseAll(replies, ParsePagePool);
  std::erase_if(pools, [&](const PagePool& pool) { return pool.ifindex != nic.Index(); });
  return pools;
}

Result<PagePoolNews> PagePoolNews::Listen(Nic& nic) {
  const Result<netlink::Family>& netdev = nic.Netdev();
  if (!netdev) return std::unexpected(netdev.error());
  const auto group = netdev->Group(NETDEV_MCGRP_PAGE_POOL);
  if (!group) return Fail("listen for page pools", EOPNOTSUPP, "the kernel does not tell of them");
  ZCRX_ASSIGN_OR_RETURN(auto news, nic.GetKernel().Listen(NETLINK_GENERIC, *group));
  return PagePoolNews(std::move(news));
}

Result<PagePool> PagePoolNews::Next(Kind kind, const std::function<bool(const PagePool&)>& of,
                                    Deadline deadline) {
  const std::string operation =
      kind == Kind::kCame ? "hear of a page pool that comes" : "hear of a page pool that goes";
  const uint8_t command =
      kind == Kind::kCame ? uapi::NETDEV_CMD_PAGE_POOL_ADD_NTF : uapi::NETDEV_CMD_PAGE_POOL_DEL_NTF;
  while (true) {
    ZCRX_ASSIGN_OR_RETURN(const auto messages, news_->Next(deadline));
    if (messages.empty()) return FailExpired(operation);
    for (const netlink::Message& message : messages) {
      if (message.IsLoss()) return Fail(operation, ENOBUFS);
      const auto pool = ParsePagePool(message.Attrs());
      if (message.Command() == command && pool && of(*pool)) return *pool;
    }
  }
}

Result<std::vector<RxQueueStats>> GetRxQueueStats(Nic& nic) {
  const Result<netlink::Family>& netdev = nic.Netdev();
  if (!netdev) return std::unexpected(netdev.error());
  auto request = netdev->Dump("get queue statistics of " + nic.Name(), uapi::NETDEV_CMD_QSTATS_GET);
  // The scope is a `uint`: 4 bytes if the value fits.
  request.PutU32(uapi::NETDEV_A_QSTATS_IFINDEX, nic.Index())
      .PutU32(uapi::NETDEV_A_QSTATS_SCOPE, uapi::NETDEV_QSTATS_SCOPE_QUEUE);
  ZCRX_ASSIGN_OR_RETURN(const auto replies, nic.Call(request));
  return ParseAll(replies, ParseRxQueueStats);
}

Status WaitForProviderGone(Nic& nic, uint32_t queue, Deadline deadline) {
  return WaitUntilUnbound(
      nic, fmt::format("wait for the memory provider to leave queue {} of {}", queue, nic.Name()),
      queue, deadline);
}

Status WaitForAllProvidersGone(Nic& nic, Deadline deadline) {
  return WaitUntilUnbound(nic, "wait for memory providers to leave the queues of " + nic.Name(), {},
                          deadline);
}

}  // namespace zcrx
