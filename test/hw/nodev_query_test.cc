// IORING_REGISTER_QUERY: what the kernel tells of itself, and how it refuses. io_uring/query.c
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "fixtures/nodev_test.h"
#include "support/base/pages.h"
#include "support/zcrx/probe.h"
#include "test/hw/wrong_value.h"

namespace zcrx {
namespace {

constexpr size_t kMostEntries = 1000;  // IO_MAX_QUERY_ENTRIES
constexpr std::byte kUntouched{0x5a};

// One question, with room for an answer that is longer than any, and than what a kernel refuses.
struct Question {
  std::vector<std::byte> answer = std::vector<std::byte>(2 * PageBytes(), kUntouched);
  uapi::io_uring_query_hdr header = {};

  explicit Question(uint32_t op, uint32_t size = sizeof(uapi::io_uring_query_opcode)) {
    header.query_data = reinterpret_cast<uintptr_t>(answer.data());
    header.query_op = op;
    header.size = size;
    std::ranges::fill(std::span(answer).first(size), std::byte{0});
  }
};

Status Ask(void* header, unsigned count = 0) {
  if (syscall(SYS_io_uring_register, -1, uapi::IORING_REGISTER_QUERY, header, count) < 0) {
    return FailErrno("IORING_REGISTER_QUERY");
  }
  return {};
}

class ZcrxNodevQuery : public NodevTest {
 protected:
  void SetUp() override { Begin({Capability::kQuery}); }
};

TEST_F(ZcrxNodevQuery, AnswersWhatItHas) {
  ASSERT_OK_AND_ASSIGN(const uapi::io_uring_query_opcode opcodes, QueryOpcodes());
  EXPECT_GT(opcodes.nr_request_opcodes, uapi::IORING_OP_RECV_ZC);
  EXPECT_GT(opcodes.nr_register_opcodes, uapi::IORING_REGISTER_QUERY);
  EXPECT_NE(opcodes.feature_flags & IORING_FEAT_NODROP, 0);
  EXPECT_NE(opcodes.ring_setup_flags & IORING_SETUP_DEFER_TASKRUN, 0);
  EXPECT_NE(opcodes.enter_flags & IORING_ENTER_GETEVENTS, 0);
  EXPECT_NE(opcodes.sqe_flags & IOSQE_FIXED_FILE, 0);
  // As many as it says.
  for (uint32_t op = 0; op < opcodes.nr_query_opcodes; ++op) {
    Question question(op);
    ASSERT_OK(Ask(&question.header));
    EXPECT_EQ(question.header.result, 0) << "query " << op;
  }
  Question beyond(opcodes.nr_query_opcodes);
  ASSERT_OK(Ask(&beyond.header));
  EXPECT_EQ(beyond.header.result, -EOPNOTSUPP);
}

TEST_F(ZcrxNodevQuery, AnswersWhatZcrxHas) {
  ZCRX_REQUIRE(Capability::kSharing);
  ASSERT_OK_AND_ASSIGN(const uapi::io_uring_query_zcrx answer, QueryZcrx());
  EXPECT_NE(answer.area_flags & uapi::IORING_ZCRX_AREA_DMABUF, 0);
  EXPECT_GT(answer.nr_ctrl_opcodes, uapi::ZCRX_CTRL_EXPORT);
  EXPECT_GE(answer.rq_hdr_size, 2 * sizeof(uint32_t));
  EXPECT_TRUE(std::has_single_bit(answer.rq_hdr_alignment));
  EXPECT_EQ(answer.resv2, 0);
}

TEST_F(ZcrxNodevQuery, AnswersWhichEventsItHas) {
  ZCRX_REQUIRE(Capability::kEvents);
  ASSERT_OK_AND_ASSIGN(const uapi::io_uring_query_zcrx_event answer, QueryZcrxEvents());
  EXPECT_EQ(answer.event_flags,
            uapi::EventBit(uapi::ZCRX_EVENT_COPY) | uapi::EventBit(uapi::ZCRX_EVENT_ALLOC_FAIL));
  EXPECT_EQ(answer.stats_size, sizeof(uapi::zcrx_stats));
  EXPECT_EQ(answer.stats_off_alignment, alignof(uapi::zcrx_stats));
}

// An application of another age asks with another size: it gets what fits, and zeros behind what
// there is.
TEST_F(ZcrxNodevQuery, FitsTheSizeAskedFor) {
  constexpr uint32_t kShort = 8;
  constexpr uint32_t kLong = 128;
  Question brief(uapi::IO_URING_QUERY_OPCODES, kShort);
  ASSERT_OK(Ask(&brief.header));
  EXPECT_EQ(brief.header.result, 0);
  EXPECT_EQ(brief.header.size, kShort);
  EXPECT_EQ(brief.answer.at(kShort), kUntouched) << "written beyond the size";

  Question full(uapi::IO_URING_QUERY_OPCODES, kLong);
  std::ranges::fill(std::span(full.answer).subspan(sizeof(uapi::io_uring_query_opcode)),
                    kUntouched);
  ASSERT_OK(Ask(&full.header));
  EXPECT_EQ(full.header.result, 0);
  EXPECT_GE(full.header.size, sizeof(uapi::io_uring_query_opcode));
  EXPECT_LT(full.header.size, kLong);
  const auto behind = std::span(full.answer).first(kLong).subspan(full.header.size);
  EXPECT_TRUE(std::ranges::all_of(behind, [](std::byte byte) { return byte == std::byte{0}; }));
  EXPECT_EQ(full.answer.at(kLong), kUntouched) << "written beyond the size";
  EXPECT_TRUE(std::ranges::equal(std::span(brief.answer).first(kShort),
                                 std::span(full.answer).first(kShort)));
}

TEST_F(ZcrxNodevQuery, AnswersAChain) {
  Question last(uapi::IO_URING_QUERY_OPCODES);
  Question unknown(1000);
  Question first(uapi::IO_URING_QUERY_OPCODES);
  unknown.header.next_entry = reinterpret_cast<uintptr_t>(&last.header);
  first.header.next_entry = reinterpret_cast<uintptr_t>(&unknown.header);
  EXPECT_OK(Ask(&first.header));
  EXPECT_EQ(first.header.result, 0);
  EXPECT_EQ(unknown.header.result, -EOPNOTSUPP);
  EXPECT_EQ(last.header.result, 0);
  EXPECT_EQ(first.answer, last.answer);
}

TEST_F(ZcrxNodevQuery, EndsAChainWithoutEnd) {
  Question question(1000);
  question.header.size = 0;
  question.header.query_data = 0;
  question.header.next_entry = reinterpret_cast<uintptr_t>(&question.header);
  // Its own result is wrong in the second round, and it goes on all the same.
  EXPECT_THAT(Ask(&question.header), FailsWith(ERANGE));
  std::vector<uapi::io_uring_query_hdr> chain(kMostEntries);
  for (size_t i = 0; i < chain.size(); ++i) {
    chain[i].query_op = 1000;
    chain[i].next_entry = i + 1 < chain.size() ? reinterpret_cast<uintptr_t>(&chain[i + 1]) : 0;
  }
  EXPECT_THAT(Ask(chain.data()), FailsWith(ERANGE)) << kMostEntries << " are too many";
  EXPECT_EQ(chain[kMostEntries - 1].result, -EOPNOTSUPP);
  EXPECT_OK(Ask(&chain[1])) << "one less is not";
}

TEST_F(ZcrxNodevQuery, OfNothingSucceeds) {
  EXPECT_OK(Ask(nullptr));
  Question question(uapi::IO_URING_QUERY_OPCODES);
  EXPECT_THAT(Ask(&question.header, 1), FailsWith(EINVAL));
}

// It needs no ring, and takes one.
TEST_F(ZcrxNodevQuery, IsAnsweredByARingToo) {
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  Question question(uapi::IO_URING_QUERY_OPCODES);
  EXPECT_OK(Call(ring, uapi::IORING_REGISTER_QUERY, &question.header, 0));
  Question blind(uapi::IO_URING_QUERY_OPCODES);
  EXPECT_OK(Ask(&blind.header));
  EXPECT_EQ(question.answer, blind.answer);
}

// A refusal of one question is its result; a question that cannot be read or answered ends the
// call.
struct WrongQuestion {
  WrongValue<Question> row;
  bool ends_the_call;

  friend void PrintTo(const WrongQuestion& wrong, std::ostream* out) { PrintTo(wrong.row, out); }
};
class ZcrxNodevQueryRefusal : public ZcrxNodevQuery,
                              public ::testing::WithParamInterface<WrongQuestion> {};

TEST_P(ZcrxNodevQueryRefusal, OfOneWrongValue) {
  const auto& [row, ends_the_call] = GetParam();
  ZCRX_REQUIRE(row.needs);
  Question wrong(uapi::IO_URING_QUERY_OPCODES);
  row.spoil(wrong);
  if (ends_the_call) {
    EXPECT_THAT(Ask(&wrong.header), FailsWith(row.code)) << row.source;
  } else {
    EXPECT_OK(Ask(&wrong.header));
    EXPECT_EQ(wrong.header.result, -row.code) << row.source;
    EXPECT_EQ(wrong.header.size, 0);
  }
  Question right(uapi::IO_URING_QUERY_OPCODES);
  EXPECT_OK(Ask(&right.header));
  EXPECT_EQ(right.header.result, 0);
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxNodevQueryRefusal,
    ::testing::Values(WrongQuestion{{"result", EINVAL, "query.c: hdr.result",
                                     [](auto& wrong) { wrong.header.result = 1; }},
                                    false},
                      WrongQuestion{{"resv", EINVAL, "query.c: hdr.__resv",
                                     [](auto& wrong) { wrong.header.resv[2] = 1; }},
                                    false},
                      WrongQuestion{{"size_none", EINVAL, "query.c: !hdr.size",
                                     [](auto& wrong) { wrong.header.size = 0; }},
                                    false},
                      WrongQuestion{{"op", EOPNOTSUPP, "query.c: __IO_URING_QUERY_MAX",
                                     [](auto& wrong) { wrong.header.query_op = ~uint32_t{0}; }},
                                    false},
                      // Not in 6.18, which writes as many zeros as it is asked to.
                      WrongQuestion{{"size_over_a_page",
                                     E2BIG,
                                     "query.c: hdr.size > PAGE_SIZE",
                                     [](auto& wrong) {
                                       wrong.header.size = static_cast<uint32_t>(PageBytes()) + 1;
                                     },
                                     {Capability::kNodev}},
                                    true},
                      WrongQuestion{{"answer_pointer", EFAULT, "query.c: copy_from_user(data)",
                                     [](auto& wrong) { wrong.header.query_data = 8; }},
                                    true},
                      WrongQuestion{{"next_pointer", EFAULT, "query.c: copy_from_user(&hdr)",
                                     [](auto& wrong) { wrong.header.next_entry = 8; }},
                                    true}),
    [](const auto& info) { return info.param.row.name; });

}  // namespace
}  // namespace zcrx
