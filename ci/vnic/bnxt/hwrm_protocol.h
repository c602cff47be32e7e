// HWRM, the language between driver and firmware: the commands that Linux' bnxt_en sends in the
// life of a plain Ethernet function, with the fields that matter here.
//
// Source: Linux include/linux/bnxt/hsi.h and drivers/net/ethernet/broadcom/bnxt. Little-endian, but
// for the fields of packets (Be16) in filters.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ci/vnic/base/endian.h"

namespace vnic::bnxt {

enum class CommandType : std::uint16_t {
  kVersionGet = 0x0,
  kFuncReset = 0x11,
  kFuncQueryCaps = 0x15,
  kFuncQueryConfig = 0x16,
  kFuncConfig = 0x17,
  kFuncDriverUnregister = 0x1a,
  kFuncDriverRegister = 0x1d,
  kPortPhyConfig = 0x20,
  kPortQueryStats = 0x23,
  kPortPhyQueryConfig = 0x27,
  kPortPhyQueryCaps = 0x2a,
  kPortLedQueryCaps = 0x2f,
  kQueueQueryPortConfig = 0x30,
  kVnicAlloc = 0x40,
  kVnicFree = 0x41,
  kVnicConfig = 0x42,
  kVnicCoalesceConfig = 0x44,
  kVnicRssConfig = 0x46,
  kVnicPlacementConfig = 0x48,
  kVnicQueryCaps = 0x4a,
  kVnicUpdate = 0x4b,
  kRingAlloc = 0x50,
  kRingFree = 0x51,
  kRingInterruptParameters = 0x53,
  kRssContextAlloc = 0x70,
  kRssContextFree = 0x71,
  kL2FilterAlloc = 0x90,
  kL2FilterFree = 0x91,
  kL2SetRxMask = 0x93,
  kFlowFilterAlloc = 0x99,
  kFlowFilterFree = 0x9a,
  kStatContextAlloc = 0xb0,
  kStatContextFree = 0xb1,
  kFirmwareSetTime = 0xc8,
  kFlowQueryCaps = 0x124,
  kFuncResourceQueryCaps = 0x190,
  kNvmGetDeviceInfo = 0xfff6,
};

// hsi.h, HWRM_ERR_CODE_*.
enum class CommandError : std::uint16_t {
  kNone = 0,
  kFail = 1,
  kInvalidParameters = 2,
  kResourceAllocation = 4,
  kUnknown = 0xffff,
};

// How a request begins. A short one, 16 bytes in the window, says where in memory the request is.
struct RequestHeader {
  Le16 type;
  Le16 completion_ring;  // of a short one: kShortSignature
  Le16 sequence;
  Le16 target;
  Le64 reply_address;
};
struct ShortRequest {
  Le16 type;
  Le16 signature;
  Le16 target;
  Le16 size;  // bytes of the request
  Le64 address;
};
inline constexpr std::uint16_t kShortSignature = 0x4321;
inline constexpr std::uint16_t kNoCompletionRing = 0xffff;
inline constexpr std::size_t kMaxRequest = 512;
inline constexpr std::size_t kMaxReply = 4096;

// How a reply begins; its last byte, "valid", is 1.
struct ReplyHeader {
  Le16 error;
  Le16 type;
  Le16 sequence;
  Le16 length;
};
inline constexpr std::size_t kPlainReply = 16;  // of a reply without fields

template <std::size_t Bytes>
using Reserved = std::array<std::uint8_t, Bytes>;

// Requests, each from its beginning to the last field that matters. Replies, each from behind the
// header to the valid byte.

struct VersionReply {
  std::array<std::uint8_t, 3> interface_version;
  Reserved<13> reserved1;
  Le32 capabilities;
  Reserved<4> reserved2;
  std::array<char, 16> firmware_name;
  Reserved<32> reserved3;
  std::array<char, 16> package_name;
  Reserved<16> reserved4;
  Le16 chip;
  std::uint8_t chip_revision;
  Reserved<3> reserved5;
  Le16 max_request_window;
  Le16 max_reply;
  Le16 default_timeout_ms;
  Reserved<4> reserved6;
  std::array<Le16, 4> interface_words;
  std::array<Le16, 4> firmware_words;
  Reserved<24> reserved7;
  Le16 max_extended_request;
  Le16 max_timeout_s;
  Reserved<3> reserved8;
  std::uint8_t valid;
};
static_assert(sizeof(VersionReply) == 176 - sizeof(ReplyHeader));
inline constexpr std::uint32_t kShortCommandSupported = 0x4;
inline constexpr std::uint32_t kShortCommandRequired = 0x8;
inline constexpr std::uint32_t kFlowManagement = 0x1000;

struct FuncCapsReply {
  Le16 function;
  Le16 port;
  Le32 flags;
  std::array<std::uint8_t, 6> mac;
  Le16 max_rss_contexts;
  Le16 max_completion_rings;
  Le16 max_tx_rings;
  Le16 max_rx_rings;
  Le16 max_l2_contexts;
  Le16 max_vnics;
  Reserved<4> reserved1;
  Le16 max_stat_contexts;
  Reserved<32> reserved2;
  Le32 max_ring_groups;
  Reserved<67> reserved3;
  std::uint8_t valid;
};
static_assert(sizeof(FuncCapsReply) == 144 - sizeof(ReplyHeader));
inline constexpr std::uint32_t kVlanTxAccelerationDisabled = 0x8000000;
inline constexpr std::uint16_t kFunction = 1;

struct FuncConfigReply {
  Le16 function;
  Le16 port;
  Reserved<4> reserved1;
  std::array<std::uint8_t, 6> mac;
  Le16 pci_id;
  Le16 rss_contexts;
  Le16 completion_rings;
  Le16 tx_rings;
  Le16 rx_rings;
  Le16 l2_contexts;
  Le16 vnics;
  Le16 admin_mtu;
  Le16 mru;
  Reserved<6> reserved2;
  Le16 max_mtu;
  Reserved<16> reserved3;
  Le32 ring_groups;
  Reserved<2> reserved4;
  Le16 stat_contexts;
  Le16 vectors;
  Reserved<2> reserved5;
  Le16 doorbell_bar_kb;
  Reserved<97> reserved6;
  std::uint8_t valid;
};
static_assert(sizeof(FuncConfigReply) == 176 - sizeof(ReplyHeader));

struct FuncConfigRequest {
  RequestHeader header;
  Le16 function;
  Le16 vectors;
  Le32 flags;
  Le32 enables;
  Reserved<4> reserved1;
  Le16 rss_contexts;
  Le16 completion_rings;
  Le16 tx_rings;
  Le16 rx_rings;
  Le16 l2_contexts;
  Le16 vnics;
  Le16 stat_contexts;
  Le16 ring_groups;
  Reserved<32> reserved2;
  Le16 async_ring;
};
static_assert(offsetof(FuncConfigRequest, async_ring) == 80);
// "Could this be had?" of each kind of resource: nothing is reserved.
inline constexpr std::uint32_t kFuncConfigTests = 0x9fe000;
inline constexpr std::uint32_t kEnableRssContexts = 0x4;
inline constexpr std::uint32_t kEnableCompletionRings = 0x8;
inline constexpr std::uint32_t kEnableTxRings = 0x10;
inline constexpr std::uint32_t kEnableRxRings = 0x20;
inline constexpr std::uint32_t kEnableVnics = 0x80;
inline constexpr std::uint32_t kEnableStatContexts = 0x100;
inline constexpr std::uint32_t kEnableAsyncRing = 0x4000;
inline constexpr std::uint32_t kEnableVectors = 0x200000;

struct ResourceCapsReply {
  Reserved<2> reserved1;
  Le16 max_vectors;
  Reserved<2> reserved2;
  Le16 min_rss_contexts;
  Le16 max_rss_contexts;
  Le16 min_completion_rings;
  Le16 max_completion_rings;
  Le16 min_tx_rings;
  Le16 max_tx_rings;
  Le16 min_rx_rings;
  Le16 max_rx_rings;
  Le16 min_l2_contexts;
  Le16 max_l2_contexts;
  Le16 min_vnics;
  Le16 max_vnics;
  Le16 min_stat_contexts;
  Le16 max_stat_contexts;
  Le16 min_ring_groups;
  Le16 max_ring_groups;
  Reserved<41> reserved3;
  std::uint8_t valid;
};
static_assert(sizeof(ResourceCapsReply) == 88 - sizeof(ReplyHeader));

struct QueuePortReply {
  std::uint8_t max_queues;
  Reserved<6> reserved1;
  std::uint8_t first_queue;
  std::uint8_t first_profile;
  Reserved<150> reserved2;
  std::uint8_t valid;
};
static_assert(sizeof(QueuePortReply) == 168 - sizeof(ReplyHeader));

// The reply of many commands: one number.
struct NumberReply {
  Le32 number;
  Reserved<3> reserved;
  std::uint8_t valid;
};
static_assert(sizeof(NumberReply) == kPlainReply - sizeof(ReplyHeader));
// Flow steering, by VNIC and place in its ring table; rules for any IP protocol too.
inline constexpr std::uint32_t kFlowRingTable = 0x2000 | 0x200000;
inline constexpr std::uint32_t kFlowAnyProtocol = 0x100000;

struct FilterReply {
  Le64 filter;
  Reserved<7> reserved;
  std::uint8_t valid;
};
static_assert(sizeof(FilterReply) == 24 - sizeof(ReplyHeader));

struct VnicCapsReply {
  Le16 mru;
  Reserved<2> reserved1;
  Le32 flags;
  Le16 max_coalesced;
  Reserved<5> reserved2;
  std::uint8_t valid;
};
static_assert(sizeof(VnicCapsReply) == 24 - sizeof(ReplyHeader));
inline constexpr std::uint32_t kRxRingFlush = 0x40000000;

struct PhyCapsReply {
  std::uint8_t flags;
  std::uint8_t ports;
  Reserved<37> reserved;
  std::uint8_t valid;
};
static_assert(sizeof(PhyCapsReply) == 48 - sizeof(ReplyHeader));

struct PhyConfigReply {
  std::uint8_t link;
  std::uint8_t signal_mode;
  Le16 speed;
  std::uint8_t duplex_config;
  Reserved<3> reserved1;
  Le16 forced_speed;
  Reserved<36> reserved2;
  std::uint8_t duplex;
  Reserved<56> reserved3;
  std::uint8_t valid;
};
static_assert(sizeof(PhyConfigReply) == 112 - sizeof(ReplyHeader));
inline constexpr std::uint8_t kPhyNoLink = 0;
inline constexpr std::uint8_t kPhyLink = 2;
inline constexpr std::uint16_t kPhySpeed100G = 0x3e8;
inline constexpr std::uint8_t kPhyFullDuplex = 1;

struct NvmInfoReply {
  Reserved<87> reserved;
  std::uint8_t valid;
};
static_assert(sizeof(NvmInfoReply) == 96 - sizeof(ReplyHeader));

}  // namespace vnic::bnxt
