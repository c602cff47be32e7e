// Devmem TCP: the other memory provider a receive queue can have. Source: "bind-rx" in
// Documentation/netlink/specs/netdev.yaml, netdev_nl_bind_rx_doit() in net/core/netdev-genl.c.
#pragma once

#include <cstdint>

#include "support/base/result.h"
#include "support/base/unique_fd.h"
#include "support/nic/nic.h"

namespace zcrx {

// Has the NIC receive into `dmabuf` what arrives on `queue`, as long as `nic` is open: the binding
// belongs to its netlink socket. Fails with EOPNOTSUPP if kernel or driver have no devmem.
Status BindDevmem(Nic& nic, uint32_t queue, const UniqueFd& dmabuf);

}  // namespace zcrx
