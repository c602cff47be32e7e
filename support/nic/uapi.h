// Constants of the kernel's interface, under the kernel's names, that the headers of Debian 12
// (Linux 6.1) lack. Each block names its source as of Linux 7.3; values never change once released.
#pragma once

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>

#include <cstdint>

#ifndef NETDEV_MCGRP_PAGE_POOL
#define NETDEV_MCGRP_PAGE_POOL "page-pool"  // include/uapi/linux/netdev.h, 6.8
#endif

namespace zcrx::uapi {

// include/uapi/linux/ethtool_netlink_generated.h
inline constexpr uint8_t ETHTOOL_MSG_RSS_GET = 38;         // 6.2
inline constexpr uint8_t ETHTOOL_MSG_RSS_SET = 48;         // 6.17
inline constexpr uint8_t ETHTOOL_MSG_RSS_CREATE_ACT = 49;  // 6.17
inline constexpr uint8_t ETHTOOL_MSG_RSS_DELETE_ACT = 50;  // 6.17
static_assert(ETHTOOL_MSG_RSS_GET == ETHTOOL_MSG_PSE_SET + 1);

enum EthtoolRssAttribute : int {
  ETHTOOL_A_RSS_CONTEXT = 2,     // u32
  ETHTOOL_A_RSS_HFUNC = 3,       // u32
  ETHTOOL_A_RSS_INDIR = 4,       // binary, u32 each
  ETHTOOL_A_RSS_HKEY = 5,        // binary
  ETHTOOL_A_RSS_INPUT_XFRM = 6,  // u32, 6.9
};

inline constexpr int ETHTOOL_A_RINGS_HDS_THRESH = 17;      // u32, 6.14
inline constexpr int ETHTOOL_A_RINGS_HDS_THRESH_MAX = 18;  // u32, 6.14

// include/uapi/linux/netdev.h
inline constexpr uint8_t NETDEV_CMD_PAGE_POOL_GET = 5;      // 6.8
inline constexpr uint8_t NETDEV_CMD_PAGE_POOL_ADD_NTF = 6;  // 6.8
inline constexpr uint8_t NETDEV_CMD_PAGE_POOL_DEL_NTF = 7;  // 6.8
inline constexpr uint8_t NETDEV_CMD_QUEUE_GET = 10;         // 6.8
inline constexpr uint8_t NETDEV_CMD_QSTATS_GET = 12;        // 6.9
inline constexpr uint8_t NETDEV_CMD_BIND_RX = 13;           // 6.12
inline constexpr uint8_t NETDEV_CMD_QUEUE_CREATE = 16;      // 7.1
inline constexpr uint32_t NETDEV_QUEUE_TYPE_RX = 0;
inline constexpr uint32_t NETDEV_QSTATS_SCOPE_QUEUE = 1;

enum NetdevQueueAttribute : int {
  NETDEV_A_QUEUE_ID = 1,        // u32
  NETDEV_A_QUEUE_IFINDEX = 2,   // u32
  NETDEV_A_QUEUE_TYPE = 3,      // u32
  NETDEV_A_QUEUE_NAPI_ID = 4,   // u32
  NETDEV_A_QUEUE_DMABUF = 5,    // u32, 6.12
  NETDEV_A_QUEUE_IO_URING = 6,  // nest, 6.15
  NETDEV_A_QUEUE_XSK = 7,       // nest, 6.15
  NETDEV_A_QUEUE_LEASE = 8,     // nest, 7.1
};
enum NetdevLeaseAttribute : int {
  NETDEV_A_LEASE_IFINDEX = 1,  // u32
  NETDEV_A_LEASE_QUEUE = 2,    // nest, of the attributes of a queue
};
enum NetdevDmabufAttribute : int {
  NETDEV_A_DMABUF_IFINDEX = 1,  // u32
  NETDEV_A_DMABUF_QUEUES = 2,   // nest, one for each queue
  NETDEV_A_DMABUF_FD = 3,       // u32
};
enum NetdevPagePoolAttribute : int {
  NETDEV_A_PAGE_POOL_ID = 1,            // uint
  NETDEV_A_PAGE_POOL_IFINDEX = 2,       // u32
  NETDEV_A_PAGE_POOL_NAPI_ID = 3,       // uint
  NETDEV_A_PAGE_POOL_INFLIGHT = 4,      // uint
  NETDEV_A_PAGE_POOL_INFLIGHT_MEM = 5,  // uint
  NETDEV_A_PAGE_POOL_DETACH_TIME = 6,   // uint, seconds
  NETDEV_A_PAGE_POOL_IO_URING = 8,      // nest, 6.15
};
inline constexpr int NETDEV_A_IO_URING_PROVIDER_INFO_RX_BUF_LEN = 1;  // uint, in that nest, 7.0
enum NetdevQstatsAttribute : int {
  NETDEV_A_QSTATS_IFINDEX = 1,         // u32
  NETDEV_A_QSTATS_QUEUE_TYPE = 2,      // u32
  NETDEV_A_QSTATS_QUEUE_ID = 3,        // u32
  NETDEV_A_QSTATS_SCOPE = 4,           // uint
  NETDEV_A_QSTATS_RX_PACKETS = 8,      // uint
  NETDEV_A_QSTATS_RX_BYTES = 9,        // uint
  NETDEV_A_QSTATS_RX_ALLOC_FAIL = 12,  // uint
};

// include/uapi/linux/if_link.h
inline constexpr int IFLA_NETKIT_PAIRING = 10;  // u32, 7.1
inline constexpr uint32_t NETKIT_DEVICE_SINGLE = 1;

}  // namespace zcrx::uapi
