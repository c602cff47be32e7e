// Several areas in one registration: ZCRX_CTRL_ADD_AREA, zcrx_ctrl_add_area() and
// __zcrx_create_area() in io_uring/zcrx.c.
#include <sys/mman.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "fixtures/nodev_test.h"
#include "support/base/pages.h"
#include "test/hw/wrong_value.h"

namespace zcrx {
namespace {

constexpr size_t kMost = 1024;  // ZCRX_MAX_AREAS

class ZcrxNodevAreas : public NodevTest {
 protected:
  void SetUp() override { Begin({Capability::kZcrx, Capability::kNodev, Capability::kMoreAreas}); }
  static AreaOptions Pages(size_t count) { return {.bytes = count * PageBytes()}; }
};

// Returns how many buffers are of which area.
std::map<uint64_t, int> CountByArea(const std::vector<TakenBuffer>& buffers) {
  std::map<uint64_t, int> count;
  for (const TakenBuffer& buffer : buffers) ++count[buffer.data.off >> IORING_ZCRX_AREA_SHIFT];
  return count;
}

TEST_F(ZcrxNodevAreas, DataGoesOnInTheNextOne) {
  const std::map<uint64_t, int> all = {{0, 4}, {1, 5}, {2, 6}};
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(4)));
  EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(4));
  ASSERT_OK(receiver.Zcrx().AddArea(receiver.Uring(), Pages(5)));
  EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(5));
  ASSERT_OK(receiver.Zcrx().AddArea(receiver.Uring(), Pages(6)));
  EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(6));
  const std::vector<TakenBuffer> first = receiver.Taken();
  EXPECT_EQ(CountByArea(first), all);

  // Each buffer goes back to the area it is of.
  ASSERT_OK(receiver.GiveBack(first));
  EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(15));
  EXPECT_EQ(CountByArea(receiver.Taken()), all);
}

TEST_F(ZcrxNodevAreas, ComesWhileARequestWaits) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(1)));
  ASSERT_OK(receiver.Request());
  ASSERT_OK(receiver.Send(100));
  ASSERT_OK(receiver.Take(100));
  ASSERT_OK(receiver.Zcrx().AddArea(receiver.Uring(), Pages(4)));
  ASSERT_OK(receiver.Send(100));
  EXPECT_OK(receiver.Take(100));
  EXPECT_EQ(CountByArea(receiver.Taken()), (std::map<uint64_t, int>{{0, 1}, {1, 1}}));
}

TEST_F(ZcrxNodevAreas, AreAtMost1024) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(1)));
  for (size_t area = 1; area < kMost; ++area) {
    ASSERT_OK(receiver.Zcrx().AddArea(receiver.Uring(), Pages(1))) << "area " << area;
  }
  EXPECT_THAT(receiver.Zcrx().AddArea(receiver.Uring(), Pages(1)), FailsWith(EINVAL));
  EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(kMost));
}

// What is sent, with the area that it leads to.
struct AddArea {
  uapi::zcrx_ctrl control = {};
  uapi::io_uring_zcrx_area_reg area = {};
};

using WrongArea = WrongValue<AddArea>;
class AddAreaTest : public ZcrxNodevAreas {
 protected:
  static AddArea Right(const LoopbackReceiver& receiver, const Area& memory) {
    AddArea right;
    right.control.zcrx_id = receiver.Id();
    right.control.op = uapi::ZCRX_CTRL_ADD_AREA;
    right.area = ArgumentsFor(memory);
    return right;
  }
  static Status Send(const Ring& ring, AddArea& request) {
    if (request.control.zc_area.area_ptr == 0) {
      request.control.zc_area.area_ptr = reinterpret_cast<uintptr_t>(&request.area);
    }
    return Call(ring, uapi::IORING_REGISTER_ZCRX_CTRL, &request.control, 0);
  }
};

using ZcrxNodevAddArea = AddAreaTest;
class ZcrxNodevAreaRefusal : public AddAreaTest, public ::testing::WithParamInterface<WrongArea> {};

TEST_P(ZcrxNodevAreaRefusal, OfOneWrongValueTakesNoToken) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(4)));
  ASSERT_OK_AND_ASSIGN(const Area memory, Area::Allocate(4 * PageBytes()));
  AddArea wrong = Right(receiver, memory);
  GetParam().spoil(wrong);
  EXPECT_THAT(Send(receiver.Uring(), wrong), FailsWith(GetParam().code)) << GetParam().source;

  AddArea right = Right(receiver, memory);
  EXPECT_OK(Send(receiver.Uring(), right));
  EXPECT_EQ(right.area.rq_area_token >> IORING_ZCRX_AREA_SHIFT, 1);
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxNodevAreaRefusal,
    ::testing::Values(WrongArea{"pointer", EFAULT, "1576: copy_from_user()",
                                [](auto& wrong) { wrong.control.zc_area.area_ptr = 8; }},
                      WrongArea{"resv", EINVAL, "1578: ctrl_add->__resv",
                                [](auto& wrong) { wrong.control.zc_area.resv[4] = 1; }},
                      WrongArea{"token", EINVAL, "1580: area_reg.rq_area_token",
                                [](auto& wrong) { wrong.area.rq_area_token = 1; }},
                      WrongArea{"half_a_page", EINVAL, "307: area_reg->len & ~PAGE_MASK",
                                [](auto& wrong) { wrong.area.len = PageBytes() / 2; }},
                      WrongArea{"length_none", EFAULT, "rsrc.c: !ulen",
                                [](auto& wrong) { wrong.area.len = 0; }},
                      WrongArea{"no_address", EFAULT, "235: !area_reg->addr",
                                [](auto& wrong) { wrong.area.addr = 0; }},
                      WrongArea{"area_flags", EINVAL, "297: area_reg->flags",
                                [](auto& wrong) { wrong.area.flags = 2; }},
                      WrongArea{"dmabuf_without_device", EINVAL, "163: !ifq->dev",
                                [](auto& wrong) {
                                  wrong.area.flags = uapi::IORING_ZCRX_AREA_DMABUF;
                                  wrong.area.addr = 0;
                                }}),
    kNameOfRow);

// 1588: what the kernel cannot take back it tells before it is true, so that the same request is
// refused for its token from then on.
TEST_F(ZcrxNodevAddArea, RefusedHasItsTokenAllTheSame) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(4)));
  ASSERT_OK_AND_ASSIGN(const Area memory, Area::Allocate(4 * PageBytes()));
  AddArea request = Right(receiver, memory);
  request.area.len = PageBytes() / 2;
  EXPECT_THAT(Send(receiver.Uring(), request), FailsWith(EINVAL));
  EXPECT_EQ(request.area.rq_area_token >> IORING_ZCRX_AREA_SHIFT, 1);
  request.area.len = memory.Bytes().size();
  EXPECT_THAT(Send(receiver.Uring(), request), FailsWith(EINVAL));
  request.area.rq_area_token = 0;
  EXPECT_OK(Send(receiver.Uring(), request));
}

// 1588: it is told first, and what cannot be told does not come.
TEST_F(ZcrxNodevAddArea, ThatCannotBeAnsweredDoesNotCome) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(4)));
  ASSERT_OK_AND_ASSIGN(const Area memory, Area::Allocate(4 * PageBytes()));
  ASSERT_OK_AND_ASSIGN(const Area page, Area::Allocate(PageBytes()));
  AddArea request = Right(receiver, memory);
  std::memcpy(page.Bytes().data(), &request.area, sizeof(request.area));
  ASSERT_EQ(mprotect(page.Bytes().data(), PageBytes(), PROT_READ), 0);
  request.control.zc_area.area_ptr = reinterpret_cast<uintptr_t>(page.Bytes().data());
  EXPECT_THAT(Send(receiver.Uring(), request), FailsWith(EFAULT));
  EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(4));
}

}  // namespace
}  // namespace zcrx
