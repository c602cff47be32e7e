// What IORING_REGISTER_ZCRX_IFQ takes and refuses, without a device.
#include <net/if.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "fixtures/nodev_test.h"
#include "support/base/pages.h"
#include "support/zcrx/probe.h"
#include "support/zcrx/registration.h"
#include "test/hw/wrong_value.h"

namespace zcrx {
namespace {

constexpr uint64_t kNowhere = 8;  // an address that is never mapped (vm.mmap_min_addr)

uint64_t LastPage() { return ~(uint64_t{PageBytes()} - 1); }
uint32_t Pages(uint32_t count) { return count * static_cast<uint32_t>(PageBytes()); }

using WrongRegistration = WrongValue<Registration>;

// With events where the kernel has them, so that there is something to be wrong.
IfqOptions Right() {
  IfqOptions options = Nodev();
  options.stats = Ask(Capability::kEvents).kind == Answer::Kind::kPresent;
  return options;
}

class ZcrxNodevRegistration : public NodevTest {};
class ZcrxNodevRefusal : public NodevTest,
                         public ::testing::WithParamInterface<WrongRegistration> {};

TEST_P(ZcrxNodevRefusal, OfOneWrongValueTakesNoNumber) {
  ZCRX_REQUIRE(GetParam().needs);
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2, Ring::kFlags & ~IORING_SETUP_CLAMP));
  ASSERT_OK_AND_ASSIGN(Registration wrong, Registration::Prepare(Right()));
  GetParam().spoil(wrong);
  EXPECT_THAT(wrong.Send(ring), FailsWith(GetParam().code)) << GetParam().source;

  ASSERT_OK_AND_ASSIGN(const Ifq right, Ifq::Register(ring, Right()));
  EXPECT_EQ(right.Id(), 0);
}

// io_register_zcrx()
const std::vector<WrongRegistration> kIfq = {
    {"id", EINVAL, "987: reg.zcrx_id", [](auto& wrong) { wrong.Arguments().ifq.zcrx_id = 1; }},
    {"resv_0", EINVAL, "987: reg.__resv", [](auto& wrong) { wrong.Arguments().ifq.resv[0] = 1; }},
    {"resv_1", EINVAL, "987: reg.__resv", [](auto& wrong) { wrong.Arguments().ifq.resv[1] = 1; }},
    {"flags", EINVAL, "989: reg.flags", [](auto& wrong) { wrong.Arguments().ifq.flags |= 4; }},
    {"region_none", EFAULT, "993: reg.region_ptr",
     [](auto& wrong) { wrong.Arguments().ifq.region_ptr = 0; }},
    // Of a device that is not there, so that the queue is what is wrong.
    {"queue_minus_1", EINVAL, "995: reg.if_rxq == -1",
     [](auto& wrong) {
       wrong.Arguments().ifq.flags = 0;
       wrong.Arguments().ifq.if_idx = std::numeric_limits<int>::max();
       wrong.Arguments().ifq.if_rxq = ~uint32_t{0};
     }},
    {"entries_none", EINVAL, "995: !reg.rq_entries",
     [](auto& wrong) { wrong.Arguments().ifq.rq_entries = 0; }},
    {"nodev_with_device", EINVAL, "997: reg.if_idx with ZCRX_REG_NODEV",
     [](auto& wrong) { wrong.Arguments().ifq.if_idx = 1; }},
    {"nodev_with_queue", EINVAL, "997: reg.if_rxq with ZCRX_REG_NODEV",
     [](auto& wrong) { wrong.Arguments().ifq.if_rxq = 1; }},
    {"area_none", EFAULT, "1006: reg.area_ptr",
     [](auto& wrong) { wrong.Arguments().ifq.area_ptr = 0; }},
    {"no_device", ENODEV, "902: netdev_get_by_index_lock()",
     [](auto& wrong) {
       wrong.Arguments().ifq.flags = 0;
       wrong.Arguments().ifq.if_idx = std::numeric_limits<int>::max();
     }},
    {"no_dma_device", EOPNOTSUPP, "909: netdev_queue_get_dma_dev()", [](auto& wrong) {
       wrong.Arguments().ifq.flags = 0;
       wrong.Arguments().ifq.if_idx = if_nametoindex("lo");
     }}};

// io_allocate_rbuf_ring(), and io_create_region() in memmap.c
const std::vector<WrongRegistration> kRegion = {
    {"region_too_small", EINVAL, "429: rd->size",
     [](auto& wrong) { wrong.Arguments().region.size = PageBytes(); }},
    {"region_size_none", EINVAL, "429: rd->size",
     [](auto& wrong) { wrong.Arguments().region.size = 0; }},
    {"region_resv", EINVAL, "memmap.c: reg->__resv",
     [](auto& wrong) { wrong.Arguments().region.resv[3] = 1; }},
    {"region_flags", EINVAL, "memmap.c: reg->flags",
     [](auto& wrong) { wrong.Arguments().region.flags |= 2; }},
    {"region_no_address", EFAULT, "memmap.c: !!reg->user_addr",
     [](auto& wrong) { wrong.Arguments().region.user_addr = 0; }},
    {"region_no_flag", EFAULT, "memmap.c: IORING_MEM_REGION_TYPE_USER",
     [](auto& wrong) { wrong.Arguments().region.flags = 0; }},
    {"region_mmap_offset", EINVAL, "memmap.c: reg->mmap_offset",
     [](auto& wrong) { wrong.Arguments().region.mmap_offset = 4096; }},
    {"region_id", EINVAL, "memmap.c: reg->id",
     [](auto& wrong) { wrong.Arguments().region.id = 1; }},
    {"region_huge", E2BIG, "memmap.c: reg->size >> PAGE_SHIFT",
     [](auto& wrong) { wrong.Arguments().region.size = uint64_t{1} << 60; }},
    {"region_size_odd", EINVAL, "memmap.c: ~PAGE_MASK",
     [](auto& wrong) { wrong.Arguments().region.size -= 1; }},
    {"region_address_odd", EINVAL, "memmap.c: ~PAGE_MASK",
     [](auto& wrong) { wrong.Arguments().region.user_addr += 64; }},
    {"region_wraps", EOVERFLOW, "memmap.c: check_add_overflow()",
     [](auto& wrong) { wrong.Arguments().region.user_addr = LastPage(); }},
    {"region_unmapped", EFAULT, "memmap.c: io_pin_pages()",
     [](auto& wrong) { mprotect(wrong.RegionBytes().data(), PageBytes(), PROT_NONE); }},
    {"region_read_only", EFAULT, "memmap.c: FOLL_WRITE",
     [](auto& wrong) { mprotect(wrong.RegionBytes().data(), PageBytes(), PROT_READ); }}};

// io_import_area() and io_import_umem(), io_validate_user_buf_range() in rsrc.c
const std::vector<WrongRegistration> kArea = {
    {"area_token", EINVAL, "1008: area.rq_area_token",
     [](auto& wrong) { wrong.Arguments().area.rq_area_token = 1; }},
    {"area_flags", EINVAL, "297: area_reg->flags",
     [](auto& wrong) { wrong.Arguments().area.flags |= 2; }},
    {"area_resv_0", EINVAL, "301: area_reg->__resv2",
     [](auto& wrong) { wrong.Arguments().area.resv2[0] = 1; }},
    {"area_resv_1", EINVAL, "301: area_reg->__resv2",
     [](auto& wrong) { wrong.Arguments().area.resv2[1] = 1; }},
    {"area_length_none", EFAULT, "rsrc.c: !ulen",
     [](auto& wrong) { wrong.Arguments().area.len = 0; }},
    {"area_over_a_tebibyte", EINVAL, "rsrc.c: SZ_1T",
     [](auto& wrong) { wrong.Arguments().area.len = (uint64_t{1} << 40) + PageBytes(); }},
    {"area_wraps", EOVERFLOW, "rsrc.c: check_add_overflow()",
     [](auto& wrong) { wrong.Arguments().area.addr = LastPage(); }},
    {"area_address_odd", EINVAL, "307: area_reg->addr & ~PAGE_MASK",
     [](auto& wrong) {
       wrong.Arguments().area.addr += 64;
       wrong.Arguments().area.len -= PageBytes();
     }},
    {"area_length_odd", EINVAL, "307: area_reg->len & ~PAGE_MASK",
     [](auto& wrong) { wrong.Arguments().area.len -= 64; }},
    {"area_no_address", EFAULT, "235: !area_reg->addr",
     [](auto& wrong) { wrong.Arguments().area.addr = 0; }},
    {"area_descriptor", EINVAL, "233: area_reg->dmabuf_fd",
     [](auto& wrong) { wrong.Arguments().area.dmabuf_fd = 1; }},
    {"area_dmabuf_without_device", EINVAL, "163: !ifq->dev",
     [](auto& wrong) {
       wrong.Arguments().area.flags = uapi::IORING_ZCRX_AREA_DMABUF;
       wrong.Arguments().area.addr = 0;
       wrong.Arguments().area.dmabuf_fd = ~uint32_t{0};  // EBADF, once somebody looks at it
     }},
    {"area_hole", EFAULT, "237: io_pin_pages()",
     [](auto& wrong) {
       mprotect(wrong.AreaBytes().data() + 4 * PageBytes(), PageBytes(), PROT_NONE);
     }},
    {"area_read_only", EFAULT, "memmap.c: FOLL_WRITE",
     [](auto& wrong) { mprotect(wrong.AreaBytes().data(), wrong.AreaBytes().size(), PROT_READ); }}};

// __zcrx_create_area()
const std::vector<WrongRegistration> kChunks = {
    {"chunks_below_a_page", EINVAL, "516: rx_buf_len < PAGE_SIZE",
     [](auto& wrong) { wrong.Arguments().ifq.rx_buf_len = Pages(1) / 2; }},
    {"chunks_of_three_pages", EINVAL, "516: is_power_of_2()",
     [](auto& wrong) { wrong.Arguments().ifq.rx_buf_len = Pages(3); }},
    {"chunks_all_ones", EINVAL, "516: is_power_of_2()",
     [](auto& wrong) { wrong.Arguments().ifq.rx_buf_len = ~uint32_t{0}; }},
    {"chunks_of_two_pages", EOPNOTSUPP, "522: !ifq->dev",
     [](auto& wrong) { wrong.Arguments().ifq.rx_buf_len = Pages(2); }}};

// io_register_zcrx() and zcrx_validate_notif_stats()
const std::vector<WrongRegistration> kEvents = {
    {"events_pointer",
     EFAULT,
     "1012: reg.event_desc",
     [](auto& wrong) { wrong.Arguments().ifq.event_desc = kNowhere; },
     {Capability::kEvents}},
    {"events_type",
     EINVAL,
     "1015: notif.type_mask",
     [](auto& wrong) { wrong.Arguments().events.type_mask = 4; },
     {Capability::kEvents}},
    {"events_flags",
     EINVAL,
     "1017: notif.flags",
     [](auto& wrong) { wrong.Arguments().events.flags |= 2; },
     {Capability::kEvents}},
    {"events_offset_without_flag",
     EINVAL,
     "1019: notif.stats_offset",
     [](auto& wrong) { wrong.Arguments().events.flags = 0; },
     {Capability::kEvents}},
    {"events_resv_first",
     EINVAL,
     "1023: notif.__resv2",
     [](auto& wrong) { wrong.Arguments().events.resv2[0] = 1; },
     {Capability::kEvents}},
    {"events_resv_last",
     EINVAL,
     "1023: notif.__resv2",
     [](auto& wrong) { wrong.Arguments().events.resv2[8] = 1; },
     {Capability::kEvents}},
    {"events_unaligned",
     EINVAL,
     "945: IS_ALIGNED(stats_off)",
     [](auto& wrong) { wrong.Arguments().events.stats_offset += 4; },
     {Capability::kEvents}},
    {"events_in_header",
     ERANGE,
     "947: stats_off < used",
     [](auto& wrong) { wrong.Arguments().events.stats_offset = 0; },
     {Capability::kEvents}},
    {"events_past_the_end",
     ERANGE,
     "953: end > io_region_size()",
     [](auto& wrong) { wrong.Arguments().events.stats_offset = wrong.RegionBytes().size() - 8; },
     {Capability::kEvents}},
    {"events_wraps",
     ERANGE,
     "949: check_add_overflow()",
     [](auto& wrong) { wrong.Arguments().events.stats_offset = ~uint64_t{7}; },
     {Capability::kEvents}}};

INSTANTIATE_TEST_SUITE_P(, ZcrxNodevRefusal,
                         ::testing::ValuesIn(AllOf(kIfq, kRegion, kArea, kChunks, kEvents)),
                         kNameOfRow);

// 947 and 953: between the last entry and the end of the region, to the byte.
TEST_F(ZcrxNodevRegistration, PutsStatisticsRightBehindTheEntries) {
  ZCRX_REQUIRE(Capability::kEvents);
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  ASSERT_OK_AND_ASSIGN(Registration first, Registration::Prepare(Right()));
  ASSERT_OK(first.Send(ring));
  const uapi::io_uring_zcrx_ifq_reg& answer = first.Arguments().ifq;
  const uint64_t used = answer.offsets.rqes + answer.rq_entries * sizeof(uapi::io_uring_zcrx_rqe);

  ASSERT_OK_AND_ASSIGN(Registration inside, Registration::Prepare(Right()));
  inside.Arguments().events.stats_offset = used - alignof(uapi::zcrx_stats);
  EXPECT_THAT(inside.Send(ring), FailsWith(ERANGE));

  const size_t end = first.RegionBytes().size() - sizeof(uapi::zcrx_stats);
  for (const uint64_t offset : {used, uint64_t{end}}) {
    ASSERT_OK_AND_ASSIGN(Registration fits, Registration::Prepare(Right()));
    fits.Arguments().events.stats_offset = offset;
    std::ranges::fill(fits.RegionBytes(), std::byte{0xff});
    ASSERT_OK(fits.Send(ring)) << "offset " << offset;
    EXPECT_TRUE(std::ranges::all_of(fits.RegionBytes().subspan(offset, sizeof(uapi::zcrx_stats)),
                                    [](std::byte byte) { return byte == std::byte{0}; }))
        << "the statistics do not begin with zeros";
  }
}

// 443: whatever the application left there.
TEST_F(ZcrxNodevRegistration, ClearsTheRefillRing) {
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  ASSERT_OK_AND_ASSIGN(Registration registration, Registration::Prepare(Right()));
  std::ranges::fill(registration.RegionBytes(), std::byte{0xff});
  ASSERT_OK(registration.Send(ring));
  const uapi::io_uring_zcrx_offsets& offsets = registration.Arguments().ifq.offsets;
  for (const uint32_t offset : {offsets.head, offsets.tail}) {
    uint32_t counter = 1;
    std::memcpy(&counter, registration.RegionBytes().data() + offset, sizeof(counter));
    EXPECT_EQ(counter, 0) << "at offset " << offset;
  }
}

// 1083: what the application has to know of its registration.
TEST_F(ZcrxNodevRegistration, AnswersWithItsLayout) {
  ASSERT_OK_AND_ASSIGN(const uapi::io_uring_query_zcrx query, QueryZcrx());
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  for (uint32_t id = 0; id < 3; ++id) {
    ASSERT_OK_AND_ASSIGN(Registration registration, Registration::Prepare(Right()));
    ASSERT_OK(registration.Send(ring));
    const RegistrationArguments& answer = registration.Arguments();
    EXPECT_EQ(answer.ifq.zcrx_id, id);
    EXPECT_EQ(answer.ifq.rx_buf_len, PageBytes());
    const uint32_t alignment = query.rq_hdr_alignment;
    EXPECT_EQ(answer.ifq.offsets.rqes, (query.rq_hdr_size + alignment - 1) / alignment * alignment);
    EXPECT_NE(answer.ifq.offsets.head, answer.ifq.offsets.tail);
    EXPECT_EQ(answer.area.rq_area_token, 0) << "of the first area";
  }
}

// 999. The region has room for them: what is too large for its region is refused for that.
TEST_F(ZcrxNodevRegistration, TakesTooManyEntriesOnlyToClampThem) {
  IfqOptions options = Nodev();
  options.rq_entries = 32768;
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2, Ring::kFlags & ~IORING_SETUP_CLAMP));
  ASSERT_OK_AND_ASSIGN(Registration registration, Registration::Prepare(options));
  registration.Arguments().ifq.rq_entries = 32769;
  EXPECT_THAT(registration.Send(ring), FailsWith(EINVAL));
  registration.Arguments().ifq.rq_entries = 32768;
  EXPECT_OK(registration.Send(ring));
}

struct EntriesVariant {
  std::string name;
  uint32_t asked;
  uint32_t given;

  friend void PrintTo(const EntriesVariant& variant, std::ostream* out) {
    *out << variant.asked << " become " << variant.given;
  }
};
class ZcrxNodevEntries : public NodevTest, public ::testing::WithParamInterface<EntriesVariant> {};

// 999 to 1004. The ring wraps several times, so that a wrong mask returns other buffers.
TEST_P(ZcrxNodevEntries, AreRoundedUp) {
  IfqOptions options = Nodev(16);
  options.rq_entries = GetParam().asked;
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  ASSERT_OK_AND_ASSIGN(Registration registration, Registration::Prepare(options));
  ASSERT_OK(registration.Send(ring));
  EXPECT_EQ(registration.Arguments().ifq.rq_entries, GetParam().given);

  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(options));
  for (int round = 0; round < 8; ++round) {
    EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(16)) << "round " << round;
    ASSERT_OK(receiver.GiveBack(receiver.Taken()));
  }
}

INSTANTIATE_TEST_SUITE_P(, ZcrxNodevEntries,
                         ::testing::Values(EntriesVariant{"33", 33, 64},
                                           EntriesVariant{"127", 127, 128},
                                           EntriesVariant{"a_million", 1'000'000, 32768}),
                         kNameOfRow);

struct AnswerVariant {
  std::string name;

  friend void PrintTo(const AnswerVariant& variant, std::ostream* out) {
    *out << "EFAULT, 1085: copy_to_user() of the " << variant.name;
  }
};
class ZcrxNodevAnswer : public NodevTest, public ::testing::WithParamInterface<AnswerVariant> {};

// 1085: the registration is complete by then, and has to be undone.
TEST_P(ZcrxNodevAnswer, ThatCannotBeWrittenLeavesNothing) {
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  ASSERT_OK_AND_ASSIGN(Registration registration, Registration::Prepare(Right()));
  ASSERT_OK_AND_ASSIGN(const Area page, Area::Allocate(PageBytes()));
  RegistrationArguments& arguments = registration.Arguments();
  const auto read_only = [&](const auto& part) {
    std::memcpy(page.Bytes().data(), &part, sizeof(part));
    EXPECT_EQ(mprotect(page.Bytes().data(), PageBytes(), PROT_READ), 0);
    return reinterpret_cast<uintptr_t>(page.Bytes().data());
  };
  void* request = &arguments.ifq;
  if (GetParam().name == "region") arguments.ifq.region_ptr = read_only(arguments.region);
  if (GetParam().name == "area") arguments.ifq.area_ptr = read_only(arguments.area);
  if (GetParam().name == "ifq") {
    read_only(arguments.ifq);
    request = page.Bytes().data();
  }
  EXPECT_THAT(Call(ring, uapi::IORING_REGISTER_ZCRX_IFQ, request, 1), FailsWith(EFAULT));

  ASSERT_OK_AND_ASSIGN(const Ifq right, Ifq::Register(ring, Right()));
  EXPECT_EQ(right.Id(), 0);
}

INSTANTIATE_TEST_SUITE_P(, ZcrxNodevAnswer,
                         ::testing::Values(AnswerVariant{"ifq"}, AnswerVariant{"region"},
                                           AnswerVariant{"area"}),
                         kNameOfRow);

TEST_F(ZcrxNodevRegistration, TakesAnAreaOfAMemfd) {
  constexpr size_t kBuffers = 4;
  IfqOptions options = Nodev(kBuffers);
  options.area.kind = AreaKind::kMemfd;
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(options));
  EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(kBuffers));
  ASSERT_OK(receiver.GiveBack(receiver.Taken()));
  EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(kBuffers));
}

}  // namespace
}  // namespace zcrx
