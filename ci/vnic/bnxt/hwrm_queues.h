// HWRM requests about rings, VNICs and filters; see hwrm_protocol.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ci/vnic/base/endian.h"
#include "ci/vnic/bnxt/hwrm_protocol.h"

namespace vnic::bnxt {

enum class RingType : std::uint8_t {
  kCompletion = 0,
  kTx = 1,
  kRx = 2,
  kAggregation = 4,
  kNotification = 5,
};

struct RingAllocRequest {
  RequestHeader header;
  Le32 enables;
  RingType type;
  Reserved<3> reserved1;
  Le64 page_table;
  Reserved<5> reserved2;
  std::uint8_t page_table_depth;
  Reserved<2> reserved3;
  Le32 length;
  Le16 logical_id;
  Le16 completion_ring;
  Reserved<4> reserved4;
  Le16 rx_ring;
  Le16 notification_ring;
  Reserved<8> reserved5;
  Le32 stat_context;
  Reserved<12> reserved6;
  Le64 handle;
};
static_assert(offsetof(RingAllocRequest, handle) == 80);

struct RingFreeRequest {
  RequestHeader header;
  RingType type;
  std::uint8_t flags;
  Le16 ring;
};

struct VnicAllocRequest {
  RequestHeader header;
  Le32 flags;
};
inline constexpr std::uint32_t kVnicDefault = 0x1;

// VNIC_FREE, and others that name but one thing.
struct NumberRequest {
  RequestHeader header;
  Le32 number;
};

struct VnicConfigRequest {
  RequestHeader header;
  Le32 flags;
  Le32 enables;
  Le16 vnic;
  Reserved<8> reserved1;
  Le16 mru;
  Le16 default_rx_ring;
  Le16 default_completion_ring;
};
static_assert(offsetof(VnicConfigRequest, default_completion_ring) == 38);
inline constexpr std::uint32_t kEnableDefaultRings = 0x60;

struct VnicUpdateRequest {
  RequestHeader header;
  Le32 vnic;
  Le32 enables;
  Reserved<2> reserved;
  Le16 mru;
};
inline constexpr std::uint32_t kEnableVnicMru = 0x2;

struct VnicRssRequest {
  RequestHeader header;
  Le32 hash_types;
  Le16 vnic;
  std::uint8_t table_part;  // 64 pairs each
  std::uint8_t hash_mode;
  Le64 ring_table;
  Le64 key;
  Le16 context;
};
static_assert(offsetof(VnicRssRequest, context) == 40);
inline constexpr std::size_t kRssTablePairs = 64;
struct RssPair {
  Le16 rx_ring;
  Le16 completion_ring;
};
inline constexpr std::uint32_t kHashIpv4 = 0x1;
inline constexpr std::uint32_t kHashTcpIpv4 = 0x2;
inline constexpr std::uint32_t kHashUdpIpv4 = 0x4;
inline constexpr std::uint32_t kHashIpv6 = 0x8;
inline constexpr std::uint32_t kHashTcpIpv6 = 0x10;
inline constexpr std::uint32_t kHashUdpIpv6 = 0x20;

struct VnicPlacementRequest {
  RequestHeader header;
  Le32 flags;
  Le32 enables;
  Le32 vnic;
  Le16 jumbo_threshold;
  Le16 split_offset;
  Le16 split_threshold;
};
inline constexpr std::uint32_t kPlacementSplitIpv4 = 0x4;
inline constexpr std::uint32_t kPlacementSplitIpv6 = 0x8;

struct VnicCoalesceRequest {
  RequestHeader header;
  Le32 flags;
  Le32 enables;
  Le16 vnic;
  Le16 max_segments;
};
inline constexpr std::uint32_t kCoalesceOn = 0x1;

struct StatContextAllocRequest {
  RequestHeader header;
  Le64 address;
};

struct L2FilterAllocRequest {
  RequestHeader header;
  Le32 flags;
  Le32 enables;
  std::array<std::uint8_t, 6> address;
  Reserved<48> reserved;
  Le16 vnic;
};
static_assert(offsetof(L2FilterAllocRequest, vnic) == 78);

struct FilterFreeRequest {
  RequestHeader header;
  Le64 filter;
};

struct RxMaskRequest {
  RequestHeader header;
  Le32 vnic;
  Le32 mask;
  Le64 multicast_table;
  Le32 multicast_count;
};
inline constexpr std::uint32_t kMaskMulticast = 0x2;
inline constexpr std::uint32_t kMaskAllMulticast = 0x4;
inline constexpr std::uint32_t kMaskBroadcast = 0x8;
inline constexpr std::uint32_t kMaskPromiscuous = 0x10;

struct FlowFilterAllocRequest {
  RequestHeader header;
  Le32 flags;
  Le32 enables;
  Le64 l2_filter;
  Reserved<6> source_mac;
  Be16 ethertype;
  std::uint8_t address_type;
  std::uint8_t protocol;
  Le16 vnic;
  Le16 ring_index;
  Reserved<2> reserved;
  std::array<std::uint8_t, 16> source;
  std::array<std::uint8_t, 16> source_mask;
  std::array<std::uint8_t, 16> destination;
  std::array<std::uint8_t, 16> destination_mask;
  Be16 source_port;
  Be16 source_port_mask;
  Be16 destination_port;
  Be16 destination_port_mask;
};
static_assert(sizeof(FlowFilterAllocRequest) == 120);
inline constexpr std::uint32_t kFlowDrop = 0x2;
inline constexpr std::uint32_t kEnableRingIndex = 0x80000;
inline constexpr std::uint8_t kFlowIpv4 = 4;
inline constexpr std::uint8_t kFlowIpv6 = 6;

}  // namespace vnic::bnxt
