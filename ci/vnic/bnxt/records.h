// The records in the rings: buffer descriptors (BDs) from the driver, completions from the device.
// Each record is 16 bytes, little-endian. Source: Linux drivers/net/ethernet/broadcom/bnxt/bnxt.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ci/vnic/base/endian.h"

namespace vnic::bnxt {

inline constexpr std::size_t kRecordSize = 16;

// Of any ring that the driver fills.
struct BufferDescriptor {
  Le32 flags_length;  // length in the upper half
  Le32 opaque;        // the driver's; comes back in the completion
  Le64 address;

  [[nodiscard]] std::uint32_t Flags() const { return flags_length & 0xffffU; }
  [[nodiscard]] std::uint32_t Length() const { return flags_length >> 16U; }
};

// struct tx_bd. The first of a packet is long: struct tx_bd_ext follows it.
inline constexpr std::uint32_t kTxTypeMask = 0x3f;
inline constexpr std::uint32_t kTxTypeLong = 0x10;
inline constexpr std::uint32_t kTxNoCompletion = 1U << 7;
inline constexpr std::uint32_t kTxCountShift = 8;  // BDs of the packet, the extension included
inline constexpr std::uint32_t kTxCountMask = 0x1f;
inline constexpr std::uint32_t kTxMaxCount = 32;  // encoded as 0

struct TxExtension {
  Le32 flags;
  Le32 segment_size;
  Le32 action;
  Le32 metadata;
};
inline constexpr std::uint32_t kTxTransportChecksum = 1U << 0;
inline constexpr std::uint32_t kTxIpChecksum = 1U << 1;
inline constexpr std::uint32_t kTxSegment = 1U << 5;  // "LSO"
inline constexpr std::uint32_t kTxSegmentMask = 0x7fff;

// Any completion. The phase is 1 on the first pass through the ring, then flips with each.
struct Completion {
  Le32 type_flags_length;
  Le32 opaque;
  Le32 phase_and_more;
  Le32 last;
};
inline constexpr std::uint32_t kPhase = 1;

enum class CompletionType : std::uint32_t {
  kTx = 0,
  kRx = 17,  // two records, then one for each aggregation buffer
  kRxBuffer = 18,
  kRxCoalesceStart = 19,  // "TPA": two records for the headers of a coalesced packet, ...
  kRxCoalesceEnd = 21,    // ... and two that sum it up, after its buffers
  kRxCoalesceBuffer = 22,
  kCommandDone = 0x20,
  kAsyncEvent = 0x2e,
  kNotification = 0x30,
};

// First record of kRx and kRxCoalesceStart.
inline constexpr std::uint32_t kRxHashValid = 1U << 10;
inline constexpr std::uint32_t kRxCoalescePlacement = 6U << 7;  // headers split, as GRO
inline constexpr std::uint32_t kRxIsIp = 1U << 12;
inline constexpr std::uint32_t kRxIsTcp = 2U << 12;
inline constexpr std::uint32_t kRxIsUdp = 3U << 12;
inline constexpr std::uint32_t kRxLengthShift = 16;
inline constexpr std::uint32_t kRxBuffersShift = 1;
inline constexpr std::uint32_t kRxMaxBuffers = 31;

// Second record.
inline constexpr std::uint32_t kRx2IpChecked = 1U << 0;
inline constexpr std::uint32_t kRx2TransportChecked = 1U << 1;
inline constexpr std::uint32_t kRx2Ipv6 = 1U << 8;
inline constexpr std::uint32_t kRx2IpChecksumError = 1U << 4;
inline constexpr std::uint32_t kRx2TransportChecksumError = 1U << 5;

// Coalescing. The driver frees the skb where it has more fragments than MAX_SKB_FRAGS.
inline constexpr std::uint32_t kCoalesceMaxBuffers = 17;
inline constexpr std::uint32_t kCoalesceMaxSegments = 255;  // TPA_END_TPA_SEGS has 8 bits
inline constexpr std::uint32_t kCoalesceSegmentsShift = 8;
inline constexpr std::uint32_t kCoalescePayloadOffsetShift = 16;
inline constexpr std::uint32_t kCoalesceBuffersShift = 24;
// struct rx_tpa_start_cmp_ext, hdr_info: where the IP header begins, as outer and as inner one.
inline constexpr std::uint32_t kCoalesceOuterNetworkShift = 0;
inline constexpr std::uint32_t kCoalesceInnerNetworkShift = 18;

}  // namespace vnic::bnxt
