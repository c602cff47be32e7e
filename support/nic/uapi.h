// Constants of the kernel's interface that the headers of Debian 12 (Linux 6.1) do not have yet.
// Each block names its source as of Linux 7.3; values never change once released.
#pragma once

#include <linux/ethtool.h>
#include <linux/ethtool_netlink.h>

#include <cstdint>

namespace zcrx::uapi {

// include/uapi/linux/ethtool_netlink_generated.h
inline constexpr uint8_t kEthtoolMsgRssGet = 38;        // 6.2
inline constexpr uint8_t kEthtoolMsgRssSet = 48;        // 6.17
inline constexpr uint8_t kEthtoolMsgRssCreateAct = 49;  // 6.17
inline constexpr uint8_t kEthtoolMsgRssDeleteAct = 50;  // 6.17
static_assert(kEthtoolMsgRssGet == ETHTOOL_MSG_PSE_SET + 1);

enum EthtoolRssAttribute : int {
  kRssContext = 2,         // u32
  kRssHashFunction = 3,    // u32
  kRssTable = 4,           // binary, u32 each
  kRssKey = 5,             // binary
  kRssInputTransform = 6,  // u32, 6.9
};

inline constexpr int kRingsHdsThresh = 17;     // u32, 6.14
inline constexpr int kRingsHdsThreshMax = 18;  // u32, 6.14

// include/uapi/linux/netdev.h
inline constexpr uint8_t kNetdevCmdPagePoolGet = 5;  // 6.8
inline constexpr uint8_t kNetdevCmdQueueGet = 10;    // 6.8
inline constexpr uint8_t kNetdevCmdQstatsGet = 12;   // 6.9
inline constexpr const char* kNetdevGroupPagePool = "page-pool";
inline constexpr uint32_t kNetdevQueueTypeRx = 0;
inline constexpr uint32_t kNetdevQstatsScopeQueue = 1;

enum NetdevQueueAttribute : int {
  kQueueId = 1,       // u32
  kQueueIfindex = 2,  // u32
  kQueueType = 3,     // u32
  kQueueNapiId = 4,   // u32
  kQueueDmabuf = 5,   // u32, 6.12
  kQueueIoUring = 6,  // nest, 6.15
};
enum NetdevPagePoolAttribute : int {
  kPagePoolId = 1,             // uint
  kPagePoolIfindex = 2,        // u32
  kPagePoolNapiId = 3,         // uint
  kPagePoolInflight = 4,       // uint
  kPagePoolInflightBytes = 5,  // uint
  kPagePoolDetachTime = 6,     // uint, seconds
  kPagePoolIoUring = 8,        // nest, 6.15
};
inline constexpr int kIoUringRxBufLen = 1;  // uint, in that nest, 7.0
enum NetdevQstatsAttribute : int {
  kQstatsIfindex = 1,       // u32
  kQstatsQueueType = 2,     // u32
  kQstatsQueueId = 3,       // u32
  kQstatsScope = 4,         // uint
  kQstatsRxPackets = 8,     // uint
  kQstatsRxBytes = 9,       // uint
  kQstatsRxAllocFail = 12,  // uint
};

}  // namespace zcrx::uapi
