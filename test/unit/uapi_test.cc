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
      {"io_uring_zcrx_rqe", sizeof(uapi::RefillEntry), SizeOf<io_uring_zcrx_rqe>()},
      {"io_uring_zcrx_cqe", sizeof(uapi::ZcrxCqe), SizeOf<io_uring_zcrx_cqe>()},
      {"io_uring_zcrx_offsets", sizeof(uapi::RefillOffsets), SizeOf<io_uring_zcrx_offsets>()},
      {"io_uring_zcrx_area_reg", sizeof(uapi::AreaReg), SizeOf<io_uring_zcrx_area_reg>()},
      {"io_uring_zcrx_ifq_reg", sizeof(uapi::IfqReg), SizeOf<io_uring_zcrx_ifq_reg>()},
      {"io_uring_region_desc", sizeof(uapi::RegionDesc), SizeOf<io_uring_region_desc>()},
      {"zcrx_event_desc", sizeof(uapi::EventDesc), SizeOf<zcrx_event_desc>()},
      {"zcrx_stats", sizeof(uapi::Stats), SizeOf<zcrx_stats>()},
      {"zcrx_ctrl", sizeof(uapi::Ctrl), SizeOf<zcrx_ctrl>()},
      {"io_uring_query_hdr", sizeof(uapi::QueryHeader), SizeOf<io_uring_query_hdr>()},
      {"io_uring_query_zcrx", sizeof(uapi::QueryZcrxAnswer), SizeOf<io_uring_query_zcrx>()},
      {"io_uring_query_zcrx_event", sizeof(uapi::QueryZcrxEventAnswer),
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
  EXPECT_EQ(offsetof(uapi::IfqReg, area_ptr), 16);
  EXPECT_EQ(offsetof(uapi::IfqReg, region_ptr), 24);
  EXPECT_EQ(offsetof(uapi::IfqReg, offsets), 32);
  EXPECT_EQ(offsetof(uapi::IfqReg, zcrx_id), 64);
  EXPECT_EQ(offsetof(uapi::IfqReg, rx_buf_len), 68);
  EXPECT_EQ(offsetof(uapi::IfqReg, event_desc), 72);
  EXPECT_EQ(offsetof(uapi::AreaReg, token), 16);
  EXPECT_EQ(offsetof(uapi::AreaReg, dmabuf_fd), 28);
  EXPECT_EQ(offsetof(uapi::EventDesc, type_mask), 8);
  EXPECT_EQ(offsetof(uapi::EventDesc, stats_offset), 16);
  EXPECT_EQ(offsetof(uapi::Ctrl, event_type), 24);
  EXPECT_EQ(offsetof(uapi::QueryHeader, result), 24);
  EXPECT_EQ(offsetof(uapi::QueryZcrxAnswer, features), 20);
  EXPECT_EQ(offsetof(uapi::QueryZcrxEventAnswer, stats_alignment), 8);
}

TEST(Uapi, ValuesAreThoseThatShipped) {
  EXPECT_EQ(uapi::EventBit(uapi::kEventAllocFail), 1);
  EXPECT_EQ(uapi::EventBit(uapi::kEventCopy), 2);
  EXPECT_EQ(uapi::kAreaOffsetMask, 0x0000ffffffffffffU);
}

}  // namespace
}  // namespace zcrx
