// The kernel's zcrx interface under the kernel's names: layouts, numbers and flags as of Linux 7.3.
//
// The headers of distributions are older than the kernels under test, so these definitions are in a
// namespace of their own; uapi_test compares them with the system's header where that has them.
// Source: include/uapi/linux/io_uring.h, io_uring/zcrx.h and io_uring/query.h. A version in a
// comment is the first kernel that has the line; lines without one came with zcrx in 6.15.
#pragma once

#include <cstddef>
#include <cstdint>

// Offsets in completions and refill entries carry the area's number in their upper 16 bits.
#ifndef IORING_ZCRX_AREA_SHIFT
#define IORING_ZCRX_AREA_SHIFT 48
#endif

namespace zcrx::uapi {

inline constexpr uint64_t kAreaOffsetMask = (uint64_t{1} << IORING_ZCRX_AREA_SHIFT) - 1;

// io_uring_enter(2), io_uring_register(2)
inline constexpr unsigned IORING_OP_RECV_ZC = 58;
inline constexpr unsigned IORING_REGISTER_ZCRX_IFQ = 32;
inline constexpr unsigned IORING_REGISTER_QUERY = 35;      // 6.18
inline constexpr unsigned IORING_REGISTER_ZCRX_CTRL = 36;  // 6.19

// io_uring_setup(2), and flags of completions (6.18)
inline constexpr unsigned IORING_SETUP_CQE_MIXED = 1U << 18;
inline constexpr uint32_t IORING_CQE_F_SKIP = 1U << 5;  // a filler: holds nothing
inline constexpr uint32_t IORING_CQE_F_32 = 1U << 15;   // takes two slots of a mixed ring

struct io_uring_zcrx_rqe {
  uint64_t off;
  uint32_t len;
  uint32_t pad;
};
static_assert(sizeof(io_uring_zcrx_rqe) == 16);

struct io_uring_zcrx_cqe {  // the upper half of a 32-byte completion
  uint64_t off;
  uint64_t pad;
};
static_assert(sizeof(io_uring_zcrx_cqe) == 16);

struct io_uring_region_desc {
  uint64_t user_addr;
  uint64_t size;
  uint32_t flags;
  uint32_t id;
  uint64_t mmap_offset;
  uint64_t resv[4];
};
static_assert(sizeof(io_uring_region_desc) == 64);
inline constexpr uint32_t IORING_MEM_REGION_TYPE_USER = 1;

struct io_uring_zcrx_offsets {  // bytes from the start of the region
  uint32_t head;
  uint32_t tail;
  uint32_t rqes;
  uint32_t resv2;
  uint64_t resv[2];
};
static_assert(sizeof(io_uring_zcrx_offsets) == 32);

struct io_uring_zcrx_area_reg {
  uint64_t addr;
  uint64_t len;
  uint64_t rq_area_token;  // out: the area's number, shifted by IORING_ZCRX_AREA_SHIFT
  uint32_t flags;
  uint32_t dmabuf_fd;
  uint64_t resv2[2];
};
static_assert(sizeof(io_uring_zcrx_area_reg) == 48);
inline constexpr uint32_t IORING_ZCRX_AREA_DMABUF = 1;  // in flags, 6.16

struct io_uring_zcrx_ifq_reg {
  uint32_t if_idx;
  uint32_t if_rxq;
  uint32_t rq_entries;
  uint32_t flags;
  uint64_t area_ptr;    // io_uring_zcrx_area_reg
  uint64_t region_ptr;  // io_uring_region_desc
  io_uring_zcrx_offsets offsets;
  uint32_t zcrx_id;
  uint32_t rx_buf_len;  // 7.0
  uint64_t event_desc;  // zcrx_event_desc, 7.2
  uint64_t resv[2];
};
static_assert(sizeof(io_uring_zcrx_ifq_reg) == 96);
// In flags. With ZCRX_REG_IMPORT if_idx is a descriptor that ZCRX_CTRL_EXPORT returned, and the
// rest is 0.
inline constexpr uint32_t ZCRX_REG_IMPORT = 1;  // 6.19
inline constexpr uint32_t ZCRX_REG_NODEV = 2;   // 7.1

// Events, which the kernel posts as completions with this number in cqe->res (7.2).
enum zcrx_event_type : uint32_t {
  ZCRX_EVENT_ALLOC_FAIL = 0,  // the NIC's page pool found the area empty
  ZCRX_EVENT_COPY = 1,        // a fragment was copied, not received in place
};
inline constexpr size_t kEventTypes = 2;
constexpr uint32_t EventBit(zcrx_event_type type) { return uint32_t{1} << type; }

struct zcrx_stats {
  uint64_t copy_count;
  uint64_t copy_bytes;
};
static_assert(sizeof(zcrx_stats) == 16);

struct zcrx_event_desc {
  uint64_t user_data;
  uint32_t type_mask;  // EventBit() of each type wanted
  uint32_t flags;
  uint64_t stats_offset;  // from the start of the region
  uint64_t resv2[9];
};
static_assert(sizeof(zcrx_event_desc) == 96);
inline constexpr uint32_t ZCRX_EVENT_DESC_FLAG_STATS = 1;

enum zcrx_ctrl_op : uint32_t {
  ZCRX_CTRL_FLUSH_RQ = 0,   // 6.19
  ZCRX_CTRL_EXPORT = 1,     // 6.19
  ZCRX_CTRL_ARM_EVENT = 2,  // 7.2
  ZCRX_CTRL_ADD_AREA = 3,   // 7.3
};

struct zcrx_ctrl_flush_rq {
  uint64_t resv[6];
};

struct zcrx_ctrl_export {
  uint32_t zcrx_fd;  // out
  uint32_t resv1[11];
};

struct zcrx_ctrl_arm_event {
  uint32_t event_type;
  uint32_t resv[11];
};

struct zcrx_ctrl_add_area {
  uint64_t area_ptr;  // io_uring_zcrx_area_reg
  uint64_t resv[5];
};

struct zcrx_ctrl {
  uint32_t zcrx_id;
  uint32_t op;
  uint64_t resv[2];
  union {
    zcrx_ctrl_export zc_export;
    zcrx_ctrl_flush_rq zc_flush;
    zcrx_ctrl_arm_event zc_arm_event;
    zcrx_ctrl_add_area zc_area;
  };
};
static_assert(sizeof(zcrx_ctrl) == 72);

enum io_uring_query_op : uint32_t {  // for IORING_REGISTER_QUERY; unnamed in the kernel
  IO_URING_QUERY_OPCODES = 0,        // 6.18
  IO_URING_QUERY_ZCRX = 1,           // 6.19
  IO_URING_QUERY_SCQ = 2,            // 6.19
  IO_URING_QUERY_ZCRX_EVENT = 3,     // 7.2
};

struct io_uring_query_hdr {
  uint64_t next_entry;
  uint64_t query_data;
  uint32_t query_op;
  uint32_t size;
  int32_t result;
  uint32_t resv[3];
};
static_assert(sizeof(io_uring_query_hdr) == 40);

struct io_uring_query_opcode {
  uint32_t nr_request_opcodes;
  uint32_t nr_register_opcodes;
  uint64_t feature_flags;
  uint64_t ring_setup_flags;
  uint64_t enter_flags;
  uint64_t sqe_flags;
  uint32_t nr_query_opcodes;
  uint32_t pad;
};
static_assert(sizeof(io_uring_query_opcode) == 48);

struct io_uring_query_zcrx {
  uint64_t register_flags;
  uint64_t area_flags;
  uint32_t nr_ctrl_opcodes;
  uint32_t features;
  uint32_t rq_hdr_size;
  uint32_t rq_hdr_alignment;
  uint64_t resv2;
};
static_assert(sizeof(io_uring_query_zcrx) == 40);
inline constexpr uint32_t ZCRX_FEATURE_RX_PAGE_SIZE = 1U << 0;
inline constexpr uint32_t ZCRX_FEATURE_EVENT = 1U << 1;

struct io_uring_query_zcrx_event {
  uint32_t event_flags;  // EventBit() of each type supported
  uint32_t stats_size;
  uint32_t stats_off_alignment;
  uint32_t resv1;
  uint64_t resv2[4];
};
static_assert(sizeof(io_uring_query_zcrx_event) == 48);

}  // namespace zcrx::uapi
