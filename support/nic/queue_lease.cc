#include "support/nic/queue_lease.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <tuple>

#include "support/base/kill_point.h"
#include "support/nic/link.h"
#include "support/nic/queues.h"
#include "support/nic/uapi.h"

namespace zcrx {
namespace {

// Short enough for IFNAMSIZ with any index.
std::string DeviceFor(const Nic& nic) { return fmt::format("zcrxl{}", nic.Index()); }

Status Send(Nic& nic, netlink::Request& request) {
  ZCRX_RETURN_IF_ERROR(nic.GetKernel().Call(NETLINK_ROUTE, request));
  return {};
}

// A device without a peer (netkit_new_link() in drivers/net/netkit.c), with a queue of its own and
// room for one more.
Status MakeNetkit(Nic& nic, const std::string& name) {
  const ifinfomsg header{};
  netlink::Request request(fmt::format("make the netkit device {}", name), RTM_NEWLINK,
                           NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
  request.Header(&header, sizeof(header))
      .PutText(IFLA_IFNAME, name)
      .PutU32(IFLA_NUM_RX_QUEUES, 2)
      .BeginNest(IFLA_LINKINFO)
      .PutText(IFLA_INFO_KIND, "netkit")
      .BeginNest(IFLA_INFO_DATA)
      .PutU32(uapi::IFLA_NETKIT_PAIRING, uapi::NETKIT_DEVICE_SINGLE)
      .EndNest()
      .EndNest();
  return Send(nic, request);
}

// By its index, whatever somebody may have called it meanwhile; 0: by its name.
Status Remove(Nic& nic, const std::string& name, uint32_t index) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  netlink::Request request(fmt::format("remove {}", name), RTM_DELLINK, NLM_F_REQUEST);
  request.Header(&header, sizeof(header));
  if (index == 0) request.PutText(IFLA_IFNAME, name);
  return Send(nic, request);
}

Result<uint32_t> CreateQueue(Nic& nic, uint32_t device, uint32_t queue) {
  const Result<netlink::Family>& netdev = nic.Netdev();
  if (!netdev) return std::unexpected(netdev.error());
  auto request = netdev->Get(fmt::format("lease queue {} of {}", queue, nic.Name()),
                             uapi::NETDEV_CMD_QUEUE_CREATE);
  request.PutU32(uapi::NETDEV_A_QUEUE_IFINDEX, device)
      .PutU32(uapi::NETDEV_A_QUEUE_TYPE, uapi::NETDEV_QUEUE_TYPE_RX)
      .BeginNest(uapi::NETDEV_A_QUEUE_LEASE)
      .PutU32(uapi::NETDEV_A_LEASE_IFINDEX, nic.Index())
      .BeginNest(uapi::NETDEV_A_LEASE_QUEUE)
      .PutU32(uapi::NETDEV_A_QUEUE_TYPE, uapi::NETDEV_QUEUE_TYPE_RX)
      .PutU32(uapi::NETDEV_A_QUEUE_ID, queue)
      .EndNest()
      .EndNest();
  ZCRX_ASSIGN_OR_RETURN(const netlink::Message reply, nic.CallForOne(request));
  if (const auto id = reply.Attrs().U32(uapi::NETDEV_A_QUEUE_ID)) return *id;
  return Fail(request.Operation(), EBADMSG, "the kernel's answer names no queue");
}

}  // namespace

bool CanLeaseQueues(const Nic& nic) {
  return nic.Netdev().has_value() && nic.Netdev()->Has(uapi::NETDEV_CMD_QUEUE_CREATE);
}

Result<QueueLease> QueueLease::Create(Nic& nic, uint32_t queue) {
  const KillPoints points("lease_queue");
  const std::string name = DeviceFor(nic);
  ZCRX_RETURN_IF_ERROR(MakeNetkit(nic, name));
  const Result<Link> device = FindLink(nic.GetKernel(), name);
  QueueLease lease(nic, name, device ? device->index : 0);
  if (!device) return std::unexpected(device.error());
  ZCRX_ASSIGN_OR_RETURN(lease.queue_, CreateQueue(nic, lease.index_, queue));
  lease.leased_ = queue;
  return lease;
}

QueueLease::~QueueLease() {
  if (nic_ == nullptr) return;
  if (leased_) std::ignore = WaitForProviderGone(*nic_, *leased_, Deadline::In(kProviderLeaves));
  std::ignore = End();
}

Status QueueLease::End() {
  Nic* const nic = std::exchange(nic_, nullptr);
  if (nic == nullptr) return {};
  const KillPoints points("end_lease");
  return Remove(*nic, device_, index_);
}

Status EndLeftoverLease(Nic& nic) {
  const Status removed = Remove(nic, DeviceFor(nic), 0);
  return removed || removed.error().code == ENODEV ? Status() : removed;
}

}  // namespace zcrx
