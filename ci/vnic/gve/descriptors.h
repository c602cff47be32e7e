// gVNIC DQO descriptors. Source: Linux drivers/net/ethernet/google/gve/gve_desc_dqo.h.
// All little-endian; bit fields there are masks and shifts here.
#pragma once

#include <cstdint>

#include "ci/vnic/base/endian.h"

namespace vnic::gve {

// Transmit ring entry. What the first 8 bytes and the last 6 are depends on the type.
struct TxDescriptor {
  Le64 buffer;
  std::uint8_t type_and_flags = 0;
  std::uint8_t reserved0 = 0;
  Le16 reserved1;
  Le16 completion_tag;
  Le16 buffer_size;
};
static_assert(sizeof(TxDescriptor) == 16);
inline constexpr std::uint8_t kTxTypeMask = 0x1f;
inline constexpr std::uint8_t kTxTypePacket = 0x0c;
inline constexpr std::uint8_t kTxTypeTsoContext = 0x05;
inline constexpr std::uint8_t kTxTypeGeneralContext = 0x04;
inline constexpr std::uint8_t kTxEndOfPacket = 1U << 5;
inline constexpr std::uint8_t kTxChecksum = 1U << 6;
inline constexpr std::uint8_t kTxReportEvent = 1U << 7;
inline constexpr std::uint16_t kTxSizeMask = 0x3fff;

struct TsoContext {
  Le32 total_length;  // 24 bits
  Le16 segment_size;  // 14 bits
  std::uint8_t header_length = 0;
  std::uint8_t flex11 = 0;
  std::uint8_t type_and_flags = 0;
  std::array<std::uint8_t, 7> flex{};
};
static_assert(sizeof(TsoContext) == sizeof(TxDescriptor));
inline constexpr std::uint16_t kTsoSegmentMask = 0x3fff;
// GVE_DQO_TX_MAX, netif_set_tso_max_size: the most a packet may hold; GVE_TX_MAX_HDR_SIZE_DQO.
inline constexpr std::size_t kMaxTxPacket = 0x3ffff;
inline constexpr std::size_t kMaxFrame = 9728;  // see kMinFrame

struct TxCompletion {
  Le16 id_type_generation;  // 11, 3, 1 unused, 1 bits
  Le16 tag_or_head;
  Le32 reserved;
};
static_assert(sizeof(TxCompletion) == 8);
inline constexpr std::uint16_t kTxCompletionPacket = 2U << 11;
inline constexpr std::uint16_t kTxCompletionDescriptor = 4U << 11;
inline constexpr std::uint16_t kTxGeneration = 1U << 15;

// A receive buffer.
struct RxDescriptor {
  Le16 buffer_id;
  Le16 reserved0;
  Le32 reserved1;
  Le64 buffer;
  Le64 header_buffer;
  Le64 reserved2;
};
static_assert(sizeof(RxDescriptor) == 32);

struct RxCompletion {
  std::uint8_t descriptor_id = 1;  // always
  std::uint8_t flags = 0;
  Le16 packet_type;            // 10 bits
  Le16 length_and_generation;  // 14 bits of length
  Le16 header_length;          // 10 bits
  std::uint8_t status = 0;
  std::uint8_t status1 = 0;
  Le16 timestamp_low;
  Le16 buffer_id;
  Le16 segment_size;
  Le32 hash;
  std::array<Le32, 3> reserved;
};
static_assert(sizeof(RxCompletion) == 32);
inline constexpr std::uint8_t kRxIpv6Extension = 1U << 1;  // in `flags`
inline constexpr std::uint8_t kRxError = 1U << 2;
inline constexpr std::uint16_t kRxGeneration = 1U << 14;  // in `length_and_generation`
inline constexpr std::uint16_t kRxRsc = 1U << 10;         // in `header_length`
inline constexpr std::uint16_t kRxSplitHeader = 1U << 11;
inline constexpr std::uint8_t kRxDone = 1U << 0;  // in `status`
inline constexpr std::uint8_t kRxEndOfPacket = 1U << 1;
inline constexpr std::uint8_t kRxHeadersProcessed = 1U << 3;
inline constexpr std::uint8_t kRxIpChecksumError = 1U << 4;
inline constexpr std::uint8_t kRxL4ChecksumError = 1U << 5;

// Packet types are the device's own numbering, which the driver reads with GET_PTYPE_MAP.
inline constexpr std::size_t kPacketTypes = 1024;
enum class L3 : std::uint8_t { kUnknown = 0, kOther = 1, kIpv4 = 2, kIpv6 = 3 };
enum class L4 : std::uint8_t { kUnknown = 0, kOther = 1, kTcp = 2, kUdp = 3 };
constexpr std::uint16_t PacketType(L3 l3, L4 l4) {
  return static_cast<std::uint16_t>(static_cast<unsigned>(l3) << 2U | static_cast<unsigned>(l4));
}

}  // namespace vnic::gve
