#include "support/nic/devmem.h"

#include "support/nic/uapi.h"

namespace zcrx {

Status BindDevmem(Nic& nic, uint32_t queue, const UniqueFd& dmabuf) {
  const Result<netlink::Family>& netdev = nic.Netdev();
  if (!netdev) return std::unexpected(netdev.error());
  auto request = netdev->Get(fmt::format("bind a dmabuf to queue {} of {}", queue, nic.Name()),
                             uapi::NETDEV_CMD_BIND_RX);
  request.PutU32(uapi::NETDEV_A_DMABUF_IFINDEX, nic.Index())
      .PutU32(uapi::NETDEV_A_DMABUF_FD, static_cast<uint32_t>(dmabuf.Get()))
      .BeginNest(uapi::NETDEV_A_DMABUF_QUEUES)
      .PutU32(uapi::NETDEV_A_QUEUE_TYPE, uapi::NETDEV_QUEUE_TYPE_RX)
      .PutU32(uapi::NETDEV_A_QUEUE_ID, queue)
      .EndNest();
  ZCRX_RETURN_IF_ERROR(nic.Call(request));
  return {};
}

}  // namespace zcrx
