// A queue of the NIC that a virtual device (netkit) has on lease (7.1): who binds a memory provider
// to the virtual queue gets the NIC's. Source: "queue-create" in
// Documentation/netlink/specs/netdev.yaml, netdev_nl_queue_create_doit() in net/core/netdev-genl.c.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "support/base/result.h"
#include "support/nic/nic.h"

namespace zcrx {

// Returns whether this kernel knows leases.
bool CanLeaseQueues(const Nic& nic);

class QueueLease {
 public:
  // Makes a netkit device, and leases `queue` to it. Fails with EOPNOTSUPP if the kernel has no
  // netkit or no leases, with EBUSY if the queue has a memory provider, an AF_XDP socket or a
  // lease.
  static Result<QueueLease> Create(Nic& nic, uint32_t queue);
  QueueLease(QueueLease&& other) noexcept
      : nic_(std::exchange(other.nic_, nullptr)),
        device_(std::move(other.device_)),
        index_(other.index_),
        leased_(other.leased_),
        queue_(other.queue_) {}
  QueueLease& operator=(QueueLease&&) = delete;
  // Waits first until zcrx has left the queue: a ring that closes while the device goes makes the
  // kernel warn (netif_mp_close_rxq() in net/core/netdev_rx_queue.c: 1 >= its number of queues, 0).
  ~QueueLease();

  // The virtual device and its queue.
  [[nodiscard]] uint32_t Index() const { return index_; }
  [[nodiscard]] uint32_t Queue() const { return queue_; }
  // Removes the virtual device at once, and takes from the queue what was bound by the lease.
  Status End();

 private:
  QueueLease(Nic& nic, std::string device, uint32_t index)
      : nic_(&nic), device_(std::move(device)), index_(index) {}

  Nic* nic_;  // null: moved from, or ended
  std::string device_;
  uint32_t index_;
  std::optional<uint32_t> leased_;  // the NIC's queue; none: it was refused
  uint32_t queue_ = 0;
};

// Removes the device of a lease that a killed run has left, if there is one.
Status EndLeftoverLease(Nic& nic);

}  // namespace zcrx
