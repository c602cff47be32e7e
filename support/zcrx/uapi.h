// The kernel's zcrx interface: layouts, numbers and flags, as of Linux 7.3.
//
// Distributions' headers are older than the kernels under test, so they stand here in a namespace
// of our own; uapi_test compares them with the system's header where that has them.
// Source: include/uapi/linux/io_uring.h, io_uring/zcrx.h and io_uring/query.h. A version in a
// comment is the kernel that brought the line; those without came with zcrx itself, in 6.15.
#pragma once

#include <cstddef>
#include <cstdint>

namespace zcrx::uapi {

// io_uring_enter(2), io_uring_register(2)
inline constexpr unsigned kOpRecvZc = 58;            // IORING_OP_RECV_ZC
inline constexpr unsigned kRecvMultishot = 1U << 1;  // IORING_RECV_MULTISHOT, in sqe->ioprio
inline constexpr unsigned kRegisterZcrxIfq = 32;     // IORING_REGISTER_ZCRX_IFQ
inline constexpr unsigned kRegisterQuery = 35;       // IORING_REGISTER_QUERY, 6.18
inline constexpr unsigned kRegisterZcrxCtrl = 36;    // IORING_REGISTER_ZCRX_CTRL, 6.19

// Offsets in completions and refill entries carry the area's number in their upper 16 bits.
inline constexpr unsigned kAreaShift = 48;
inline constexpr uint64_t kAreaOffsetMask = (uint64_t{1} << kAreaShift) - 1;

struct RefillEntry {  // io_uring_zcrx_rqe
  uint64_t offset;
  uint32_t length;
  uint32_t pad;
};
static_assert(sizeof(RefillEntry) == 16);

struct ZcrxCqe {  // io_uring_zcrx_cqe, the upper half of a 32-byte completion
  uint64_t offset;
  uint64_t pad;
};
static_assert(sizeof(ZcrxCqe) == 16);

struct RegionDesc {  // io_uring_region_desc
  uint64_t user_addr;
  uint64_t size;
  uint32_t flags;
  uint32_t id;
  uint64_t mmap_offset;
  uint64_t resv[4];
};
static_assert(sizeof(RegionDesc) == 64);
inline constexpr uint32_t kRegionTypeUser = 1;  // IORING_MEM_REGION_TYPE_USER

struct RefillOffsets {  // io_uring_zcrx_offsets: bytes from the start of the region
  uint32_t head;
  uint32_t tail;
  uint32_t entries;
  uint32_t resv2;
  uint64_t resv[2];
};
static_assert(sizeof(RefillOffsets) == 32);

struct AreaReg {  // io_uring_zcrx_area_reg
  uint64_t addr;
  uint64_t len;
  uint64_t token;  // out: the area's number, shifted by kAreaShift
  uint32_t flags;
  uint32_t dmabuf_fd;
  uint64_t resv2[2];
};
static_assert(sizeof(AreaReg) == 48);
inline constexpr uint32_t kAreaDmabuf = 1;  // IORING_ZCRX_AREA_DMABUF, in flags, 6.16

struct IfqReg {  // io_uring_zcrx_ifq_reg
  uint32_t ifindex;
  uint32_t queue;
  uint32_t rq_entries;
  uint32_t flags;
  uint64_t area_ptr;    // AreaReg
  uint64_t region_ptr;  // RegionDesc
  RefillOffsets offsets;
  uint32_t zcrx_id;
  uint32_t rx_buf_len;  // 7.0
  uint64_t event_desc;  // EventDesc, 7.2
  uint64_t resv[2];
};
static_assert(sizeof(IfqReg) == 96);
inline constexpr uint32_t kRegNodev = 2;  // ZCRX_REG_NODEV, in flags, 7.1

// What the kernel tells in a completion of its own; cqe->res is this number (7.2).
enum EventType : uint32_t {
  kEventAllocFail = 0,  // ZCRX_EVENT_ALLOC_FAIL: the NIC's page pool found the area empty
  kEventCopy = 1,       // ZCRX_EVENT_COPY: a fragment was copied, not received in place
};
inline constexpr size_t kEventTypes = 2;
constexpr uint32_t EventBit(EventType type) { return uint32_t{1} << type; }

struct Stats {  // zcrx_stats
  uint64_t copy_count;
  uint64_t copy_bytes;
};
static_assert(sizeof(Stats) == 16);

struct EventDesc {  // zcrx_event_desc
  uint64_t user_data;
  uint32_t type_mask;  // EventBit() of each type wanted
  uint32_t flags;
  uint64_t stats_offset;  // from the start of the region
  uint64_t resv2[9];
};
static_assert(sizeof(EventDesc) == 96);
inline constexpr uint32_t kEventDescStats = 1;  // ZCRX_EVENT_DESC_FLAG_STATS

enum CtrlOp : uint32_t {
  kCtrlFlushRq = 0,   // ZCRX_CTRL_FLUSH_RQ, 6.19
  kCtrlArmEvent = 2,  // ZCRX_CTRL_ARM_EVENT, 7.2
};

struct Ctrl {  // zcrx_ctrl; `event_type` is zcrx_ctrl_arm_event's, zero for other operations
  uint32_t zcrx_id;
  uint32_t op;
  uint64_t resv[2];
  uint32_t event_type;
  uint32_t op_resv[11];
};
static_assert(sizeof(Ctrl) == 72);

// IORING_REGISTER_QUERY
enum QueryOp : uint32_t {
  kQueryZcrx = 1,       // 6.19
  kQueryZcrxEvent = 3,  // 7.2
};

struct QueryHeader {  // io_uring_query_hdr
  uint64_t next_entry;
  uint64_t data;
  uint32_t op;
  uint32_t size;
  int32_t result;
  uint32_t resv[3];
};
static_assert(sizeof(QueryHeader) == 40);

struct QueryZcrxAnswer {  // io_uring_query_zcrx
  uint64_t register_flags;
  uint64_t area_flags;
  uint32_t ctrl_opcodes;
  uint32_t features;
  uint32_t rq_header_size;
  uint32_t rq_header_alignment;
  uint64_t resv2;
};
static_assert(sizeof(QueryZcrxAnswer) == 40);
inline constexpr uint32_t kFeatureRxPageSize = 1U << 0;  // ZCRX_FEATURE_RX_PAGE_SIZE
inline constexpr uint32_t kFeatureEvent = 1U << 1;       // ZCRX_FEATURE_EVENT

struct QueryZcrxEventAnswer {  // io_uring_query_zcrx_event
  uint32_t event_mask;         // EventBit() of each type known
  uint32_t stats_size;
  uint32_t stats_alignment;
  uint32_t resv1;
  uint64_t resv2[4];
};
static_assert(sizeof(QueryZcrxEventAnswer) == 48);

}  // namespace zcrx::uapi
