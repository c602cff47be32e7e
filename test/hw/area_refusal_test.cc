// Areas that the kernel must refuse for a device, beside the same registration with one thing
// right.
#include <fcntl.h>

#include <vector>

#include "fixtures/zcrx_test.h"
#include "support/base/pages.h"
#include "support/zcrx/registration.h"
#include "test/hw/wrong_value.h"

namespace zcrx {
namespace {

constexpr uint32_t kNoDescriptor = 1'000'000;
constexpr uint32_t kTwoGib = uint32_t{1} << 31;

struct AreaRefusal {
  AreaKind kind;
  WrongValue<Registration> row;

  friend void PrintTo(const AreaRefusal& refusal, std::ostream* out) { PrintTo(refusal.row, out); }
};

class ZcrxAreaRefusal : public ZcrxTest, public ::testing::WithParamInterface<AreaRefusal> {};

TEST_P(ZcrxAreaRefusal, OfOneWrongValueLeavesTheQueueFree) {
  const auto& [kind, row] = GetParam();
  ZCRX_REQUIRE(row.needs);
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  const IfqOptions right = ReceiverOn(queue, kind).ifq;
  {
    ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
    ASSERT_OK_AND_ASSIGN(Registration wrong, Registration::Prepare(right));
    row.spoil(wrong);
    EXPECT_THAT(wrong.Send(ring), FailsWith(row.code)) << row.source;
  }
  EXPECT_OK(DryRun(right));
}

// io_import_dmabuf() and __zcrx_create_area()
INSTANTIATE_TEST_SUITE_P(
    , ZcrxAreaRefusal,
    ::testing::Values(
        AreaRefusal{AreaKind::kUdmabuf,
                    {"dmabuf_no_descriptor",
                     EBADF,
                     "171: dma_buf_get()",
                     [](auto& wrong) { wrong.Arguments().area.dmabuf_fd = kNoDescriptor; },
                     {Capability::kDmabufArea}}},
        AreaRefusal{AreaKind::kUdmabuf,
                    {"dmabuf_other_file",
                     EINVAL,
                     "171: dma_buf_get()",
                     [](auto& wrong) { wrong.Arguments().area.dmabuf_fd = STDERR_FILENO; },
                     {Capability::kDmabufArea}}},
        AreaRefusal{AreaKind::kUdmabuf,
                    {"dmabuf_address",
                     EINVAL,
                     "165: area_reg->addr",
                     [](auto& wrong) { wrong.Arguments().area.addr = PageBytes(); },
                     {Capability::kDmabufArea}}},
        AreaRefusal{AreaKind::kUdmabuf,
                    {"dmabuf_length",
                     EINVAL,
                     "195: total_size != len",
                     [](auto& wrong) { wrong.Arguments().area.len -= PageBytes(); },
                     {Capability::kDmabufArea}}},
        AreaRefusal{AreaKind::kPages,
                    {"buffers_beyond_what_lies_together",
                     ERANGE,
                     "537: io_area_max_shift()",
                     [](auto& wrong) { wrong.Arguments().ifq.rx_buf_len = kTwoGib; },
                     {Capability::kRxBufLen}}}),
    [](const auto& info) { return info.param.row.name; });

}  // namespace
}  // namespace zcrx
