// What the kernel takes off the refill ring, and what it ignores. All buffers of the area are in
// use, so that what comes back can be counted.
#include <atomic>
#include <cstdint>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "fixtures/nodev_test.h"
#include "support/base/pages.h"
#include "test/hw/wrong_value.h"

namespace zcrx {
namespace {

constexpr size_t kBuffers = 16;

class ZcrxNodevRefill : public NodevTest {
 protected:
  // With all buffers received.
  void SetUp() override {
    NodevTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(kBuffers)));
    receiver_.emplace(std::move(receiver));
    ASSERT_THAT(receiver_->UseUp(), IsOkAndHolds(kBuffers));
    taken_ = receiver_->Taken();
  }
  void TearDown() override {
    receiver_.reset();
    NodevTest::TearDown();
  }

  // Returns a valid entry for a buffer.
  uapi::io_uring_zcrx_rqe Entry(size_t buffer) const {
    return {.off = taken_.at(buffer).data.off, .len = taken_.at(buffer).length, .pad = 0};
  }
  // Puts entries on the ring, and has the kernel take them by one flush.
  Status Flush(const std::vector<uapi::io_uring_zcrx_rqe>& entries) {
    for (const auto& entry : entries) {
      if (!Refill().Push(entry)) return Fail("put an entry on the refill ring: it is full");
    }
    Refill().Publish();
    return receiver_->Zcrx().FlushRefillRing(receiver_->Uring());
  }
  RefillRing& Refill() { return receiver_->Zcrx().Refill(); }
  uint32_t Head() { return std::atomic_ref(*Refill().Shared().head).load(); }
  LoopbackReceiver& Receiver() { return *receiver_; }
  [[nodiscard]] const std::vector<TakenBuffer>& Taken() const { return taken_; }

 private:
  std::optional<LoopbackReceiver> receiver_;
  std::vector<TakenBuffer> taken_;
};

using WrongEntry = WrongValue<uapi::io_uring_zcrx_rqe>;
class ZcrxNodevRefillEntry : public ZcrxNodevRefill,
                             public ::testing::WithParamInterface<WrongEntry> {};

TEST_P(ZcrxNodevRefillEntry, IsIgnored) {
  uapi::io_uring_zcrx_rqe wrong = Entry(0);
  GetParam().spoil(wrong);
  ASSERT_OK(Flush({wrong}));
  EXPECT_EQ(Head(), 1) << "it was not taken";
  EXPECT_THAT(Receiver().UseUp(), IsOkAndHolds(0)) << GetParam().source;

  ASSERT_OK(Flush({Entry(0)}));
  EXPECT_THAT(Receiver().UseUp(), IsOkAndHolds(1));
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxNodevRefillEntry,
    ::testing::Values(WrongEntry{"beyond_the_area", 0, "1236: niov_idx >= area->nia.num_niovs",
                                 [](auto& wrong) { wrong.off = kBuffers * PageBytes(); }},
                      WrongEntry{
                          "of_another_area", 0, "1231: area_idx >= ifq->nr_areas",
                          [](auto& wrong) { wrong.off |= uint64_t{1} << IORING_ZCRX_AREA_SHIFT; }},
                      WrongEntry{"of_the_last_area", 0, "1231: area_idx >= ifq->nr_areas",
                                 [](auto& wrong) { wrong.off |= ~uapi::kAreaOffsetMask; }},
                      WrongEntry{"all_ones", 0, "1231: area_idx >= ifq->nr_areas",
                                 [](auto& wrong) { wrong.off = ~uint64_t{0}; }},
                      WrongEntry{"pad", 0, "1231: rqe->__pad", [](auto& wrong) { wrong.pad = 1; }}),
    kNameOfRow);

// 1230: the offset is cut to the buffer, the length is not looked at.
TEST_F(ZcrxNodevRefill, TakesAnyOffsetInTheBuffer) {
  uapi::io_uring_zcrx_rqe inside = Entry(3);
  inside.off += PageBytes() - 1;
  inside.len = 0;
  ASSERT_OK(Flush({inside}));
  ASSERT_THAT(Receiver().UseUp(), IsOkAndHolds(1));
  EXPECT_EQ(Receiver().Taken().at(0).data.off, Entry(3).off) << "another one came back";
}

// io_zcrx_put_niov_uref(): what the application does not hold, it cannot give back.
TEST_F(ZcrxNodevRefill, TakesABufferBackOnce) {
  ASSERT_OK(Flush({Entry(5), Entry(5)}));
  EXPECT_EQ(Head(), 2);
  EXPECT_THAT(Receiver().UseUp(), IsOkAndHolds(1));
}

TEST_F(ZcrxNodevRefill, TakesNoBufferThatIsFree) {
  ASSERT_OK(Flush({Entry(5)}));
  ASSERT_OK(Flush({Entry(5)}));
  EXPECT_THAT(Receiver().UseUp(), IsOkAndHolds(1));
}

// zcrx_parse_rq(): so that the application has to flush again.
TEST_F(ZcrxNodevRefill, FlushStopsBehindAnInvalidEntry) {
  ASSERT_OK(Flush({Entry(0), {.off = ~uint64_t{0}, .len = 0, .pad = 0}, Entry(1)}));
  EXPECT_EQ(Head(), 2);
  EXPECT_THAT(Receiver().UseUp(), IsOkAndHolds(1));
  ASSERT_OK(Flush({}));
  EXPECT_EQ(Head(), 3);
  EXPECT_THAT(Receiver().UseUp(), IsOkAndHolds(1));
}

// zcrx_flush_rq() goes in batches of 32.
TEST_F(ZcrxNodevRefill, FlushTakesAFullRing) {
  IfqOptions options = Nodev(256);
  options.rq_entries = 256;
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(options));
  for (int round = 0; round < 3; ++round) {
    EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(256));
    const std::vector<TakenBuffer> taken = receiver.Taken();
    std::set<uint64_t> buffers;
    for (const TakenBuffer& buffer : taken) buffers.insert(buffer.data.off);
    EXPECT_EQ(buffers.size(), 256) << "one was given out twice";
    ASSERT_OK(receiver.GiveBack(taken));
  }
}

// __zcrx_rq_entries(), where a batch is larger than the ring.
TEST_F(ZcrxNodevRefill, FlushTakesNoMoreThanTheRingHas) {
  IfqOptions options = Nodev(kBuffers);
  options.rq_entries = 16;
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(options));
  const RefillRing::Counters counters = receiver.Zcrx().Refill().Shared();
  std::atomic_ref(*counters.tail).store(1000);
  ASSERT_OK(receiver.Zcrx().FlushRefillRing(receiver.Uring()));
  EXPECT_EQ(std::atomic_ref(*counters.head).load(), 16);
}

struct WrongCounter {
  std::string name;
  size_t buffers;  // that come back: of empty entries, which name the first one
  void (*spoil)(RefillRing::Counters counters);

  friend void PrintTo(const WrongCounter& wrong, std::ostream* out) { *out << wrong.name; }
};
class ZcrxNodevRefillCounter : public ZcrxNodevRefill,
                               public ::testing::WithParamInterface<WrongCounter> {};

// __zcrx_rq_entries() and zcrx_flush_rq(): at most as many entries as there are, once.
TEST_P(ZcrxNodevRefillCounter, DoesNoHarm) {
  GetParam().spoil(Refill().Shared());
  EXPECT_OK(Receiver().Zcrx().FlushRefillRing(Receiver().Uring()));
  EXPECT_THAT(Receiver().UseUp(), IsOkAndHolds(GetParam().buffers));
  Refill().Resume();
  ASSERT_OK(Receiver().GiveBack(Taken()));
  EXPECT_THAT(Receiver().UseUp(), IsOkAndHolds(kBuffers));
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxNodevRefillCounter,
    ::testing::Values(WrongCounter{"tail_ahead", 1,
                                   [](RefillRing::Counters counters) {
                                     std::atomic_ref(*counters.tail).store(1'000'000);
                                   }},
                      WrongCounter{"tail_back", 1,
                                   [](RefillRing::Counters counters) {
                                     std::atomic_ref(*counters.tail).store(~uint32_t{0});
                                   }},
                      WrongCounter{"head", 0,
                                   [](RefillRing::Counters counters) {
                                     std::atomic_ref(*counters.head).store(12345);
                                   }}),
    kNameOfRow);

}  // namespace
}  // namespace zcrx
