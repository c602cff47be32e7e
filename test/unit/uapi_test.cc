// The layouts against the system's headers, as far as those know them.
#include "support/zcrx/uapi.h"

#include <gtest/gtest.h>
#include <linux/io_uring.h>
#if __has_include(<linux/io_uring/zcrx.h>)
#include <linux/io_uring/zcrx.h>
#endif
#if __has_include(<linux/io_uring/query.h>)
#include <linux/io_uring/query.h>
#endif

#include <type_traits>

// Declared, so that what the system's header does not define can be asked about.
struct io_uring_zcrx_rqe;
struct io_uring_zcrx_cqe;
struct io_uring_zcrx_offsets;
struct io_uring_zcrx_area_reg;
struct io_uring_zcrx_ifq_reg;
struct io_uring_region_desc;
struct zcrx_event_desc;
struct zcrx_stats;
struct zcrx_ctrl;
struct io_uring_query_hdr;
struct io_uring_query_zcrx;
struct io_uring_query_zcrx_event;

namespace zcrx {
namespace {

template <typename T>
concept Complete = requires { sizeof(T); };

// 0: the system's header does not have it.
template <typename Theirs>
constexpr size_t SizeOf() {
  if constexpr (Complete<Theirs>) return sizeof(Theirs);
  return 0;
}

struct Layout {
  const char* name;
  size_t ours;
  size_t theirs;
};

TEST(Uapi, SizesAreThoseOfTheSystemHeader) {
  const Layout layouts[] = {
      {"io_uring_zcrx_rqe", sizeof(uapi::io_uring_zcrx_rqe), SizeOf<io_uring_zcrx_rqe>()},
      {"io_uring_zcrx_cqe", sizeof(uapi::io_uring_zcrx_cqe), SizeOf<io_uring_zcrx_cqe>()},
      {"io_uring_zcrx_offsets", sizeof(uapi::io_uring_zcrx_offsets),
       SizeOf<io_uring_zcrx_offsets>()},
      {"io_uring_zcrx_area_reg", sizeof(uapi::io_uring_zcrx_area_reg),
       SizeOf<io_uring_zcrx_area_reg>()},
      {"io_uring_zcrx_ifq_reg", sizeof(uapi::io_uring_zcrx_ifq_reg),
       SizeOf<io_uring_zcrx_ifq_reg>()},
      {"io_uring_region_desc", sizeof(uapi::io_uring_region_desc), SizeOf<io_uring_region_desc>()},
      {"zcrx_event_desc", sizeof(uapi::zcrx_event_desc), SizeOf<zcrx_event_desc>()},
      {"zcrx_stats", sizeof(uapi::zcrx_stats), SizeOf<zcrx_stats>()},
      {"zcrx_ctrl", sizeof(uapi::zcrx_ctrl), SizeOf<zcrx_ctrl>()},
      {"io_uring_query_hdr", sizeof(uapi::io_uring_query_hdr), SizeOf<io_uring_query_hdr>()},
      {"io_uring_query_zcrx", sizeof(uapi::io_uring_query_zcrx), SizeOf<io_uring_query_zcrx>()},
      {"io_uring_query_zcrx_event", sizeof(uapi::io_uring_query_zcrx_event),
       SizeOf<io_uring_query_zcrx_event>()},
  };
  for (const Layout& layout : layouts) {
    if (layout.theirs == 0) {
      GTEST_LOG_(INFO) << layout.name << " is not in the system's header";
      continue;
    }
    EXPECT_EQ(layout.ours, layout.theirs) << layout.name;
  }
}

// Offsets of the fields that kernels after 6.15 added, from the header of Linux 7.3.
TEST(Uapi, FieldsStandWhereTheKernelReadsThem) {
  EXPECT_EQ(offsetof(uapi::io_uring_zcrx_ifq_reg, area_ptr), 16);
  EXPECT_EQ(offsetof(uapi::io_uring_zcrx_ifq_reg, region_ptr), 24);
  EXPECT_EQ(offsetof(uapi::io_uring_zcrx_ifq_reg, offsets), 32);
  EXPECT_EQ(offsetof(uapi::io_uring_zcrx_ifq_reg, zcrx_id), 64);
  EXPECT_EQ(offsetof(uapi::io_uring_zcrx_ifq_reg, rx_buf_len), 68);
  EXPECT_EQ(offsetof(uapi::io_uring_zcrx_ifq_reg, event_desc), 72);
  EXPECT_EQ(offsetof(uapi::io_uring_zcrx_area_reg, rq_area_token), 16);
  EXPECT_EQ(offsetof(uapi::io_uring_zcrx_area_reg, dmabuf_fd), 28);
  EXPECT_EQ(offsetof(uapi::zcrx_event_desc, type_mask), 8);
  EXPECT_EQ(offsetof(uapi::zcrx_event_desc, stats_offset), 16);
  EXPECT_EQ(offsetof(uapi::zcrx_ctrl, zc_arm_event), 24);
  EXPECT_EQ(offsetof(uapi::io_uring_query_hdr, result), 24);
  EXPECT_EQ(offsetof(uapi::io_uring_query_zcrx, features), 20);
  EXPECT_EQ(offsetof(uapi::io_uring_query_zcrx_event, stats_off_alignment), 8);
}

TEST(Uapi, ValuesAreThoseThatShipped) {
  EXPECT_EQ(uapi::EventBit(uapi::ZCRX_EVENT_ALLOC_FAIL), 1);
  EXPECT_EQ(uapi::EventBit(uapi::ZCRX_EVENT_COPY), 2);
  EXPECT_EQ(uapi::kAreaOffsetMask, 0x0000ffffffffffffU);
}

}  // namespace
}  // namespace zcrx
