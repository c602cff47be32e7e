// The rings around a registration: a refill ring that the kernel allocates, completions of two
// sizes, and what is left when a ring ends in the middle of everything.
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fixtures/nodev_test.h"
#include "support/base/child_process.h"
#include "support/base/pages.h"
#include "test/hw/wrong_value.h"

namespace zcrx {
namespace {

constexpr size_t kBuffers = 16;
constexpr uint64_t kMapOffset = 0x30000000;  // IORING_MAP_OFF_ZCRX_REGION in io_uring/memmap.h
constexpr unsigned kIdShift = 16;            // IORING_OFF_ZCRX_SHIFT

IfqOptions InKernelMemory() {
  IfqOptions options = Nodev(kBuffers);
  options.refill = RefillMemory::kKernel;
  return options;
}

class ZcrxNodevKernelRing : public NodevTest {};

TEST_F(ZcrxNodevKernelRing, CarriesManyTimesTheArea) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(InKernelMemory()));
  for (int round = 0; round < 20; ++round) {
    EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(kBuffers));
    ASSERT_OK(receiver.GiveBack(receiver.Taken()));
  }
}

// io_allocate_rbuf_ring(): at an offset by the registration's number.
TEST_F(ZcrxNodevKernelRing, IsMappedWhereItSays) {
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  for (uint64_t id = 0; id < 3; ++id) {
    ASSERT_OK_AND_ASSIGN(Registration registration, Registration::Prepare(InKernelMemory()));
    ASSERT_OK(registration.Send(ring));
    EXPECT_EQ(registration.Arguments().region.mmap_offset, kMapOffset + (id << kIdShift));
    ASSERT_OK_AND_ASSIGN(const Area region, registration.TakeRegion(ring));
    // Each has its own: what is written to the tail of one is not in the next.
    uint32_t& tail = *reinterpret_cast<uint32_t*>(region.Bytes().data() +
                                                  registration.Arguments().ifq.offsets.tail);
    EXPECT_EQ(tail, 0);
    tail = 1;
  }
}

// io_region_validate_mmap(): the application's own memory is not mapped again.
TEST_F(ZcrxNodevKernelRing, IsTheOnlyOneThatIsMapped) {
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  ASSERT_OK_AND_ASSIGN(const Ifq of_user, Ifq::Register(ring, Nodev()));
  ASSERT_OK_AND_ASSIGN(Registration of_kernel, Registration::Prepare(InKernelMemory()));
  ASSERT_OK(of_kernel.Send(ring));
  const size_t size = of_kernel.Arguments().region.size;
  const auto map = [&](uint64_t id) {
    return Area::MapRing(ring.Fd(), kMapOffset + (id << kIdShift), size);
  };
  EXPECT_THAT(map(0), FailsWith(EINVAL)) << "the application's memory";
  EXPECT_OK(map(1));
  EXPECT_THAT(map(2), FailsWith(EINVAL)) << "no such registration";
}

// A mapping is a reference to the ring's file, so that closing its descriptor ends nothing.
TEST_F(ZcrxNodevKernelRing, LivesAsLongAsItsMapping) {
  Area mapping;
  {
    ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
    ASSERT_OK_AND_ASSIGN(Registration registration, Registration::Prepare(InKernelMemory()));
    ASSERT_OK(registration.Send(ring));
    ASSERT_OK_AND_ASSIGN(mapping, registration.TakeRegion(ring));
  }
  ASSERT_OK(ALaterRingEnds());
  ASSERT_OK_AND_ASSIGN(const ProcessHoldings held, TakeProcessStock());
  EXPECT_GE(held.pinned_kib, kBuffers * PageBytes() / 1024);
}

using WrongRegistration = WrongValue<Registration>;
class ZcrxNodevKernelRingRefusal : public NodevTest,
                                   public ::testing::WithParamInterface<WrongRegistration> {};

TEST_P(ZcrxNodevKernelRingRefusal, OfOneWrongValue) {
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  ASSERT_OK_AND_ASSIGN(Registration wrong, Registration::Prepare(InKernelMemory()));
  GetParam().spoil(wrong);
  EXPECT_THAT(wrong.Send(ring), FailsWith(GetParam().code)) << GetParam().source;
  ASSERT_OK_AND_ASSIGN(const Ifq right, Ifq::Register(ring, InKernelMemory()));
  EXPECT_EQ(right.Id(), 0);
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxNodevKernelRingRefusal,
    ::testing::Values(
        WrongRegistration{"address", EFAULT, "memmap.c: !!reg->user_addr",
                          [](auto& wrong) {
                            wrong.Arguments().region.user_addr =
                                reinterpret_cast<uintptr_t>(wrong.AreaBytes().data());
                          }},
        WrongRegistration{"mmap_offset", EINVAL, "memmap.c: reg->mmap_offset",
                          [](auto& wrong) { wrong.Arguments().region.mmap_offset = kMapOffset; }},
        WrongRegistration{"too_small", EINVAL, "429: rd->size",
                          [](auto& wrong) { wrong.Arguments().region.size = PageBytes(); }}),
    kNameOfRow);

class ZcrxNodevMixedRing : public NodevTest {
 protected:
  void SetUp() override { Begin({Capability::kZcrx, Capability::kNodev, Capability::kMixedCqes}); }
};

// Of 16 and of 32 bytes in turn, so that the queue's end falls within the larger ones: there the
// kernel fills in one that holds nothing (io_get_cqe_overflow() in io_uring/io_uring.c).
TEST_F(ZcrxNodevMixedRing, DeliversEveryByteInOrder) {
  constexpr uint64_t kNop = 5;
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver,
                       LoopbackReceiver::Open(Nodev(), 8, Ring::kMixedFlags));
  ASSERT_OK(receiver.Request());
  size_t wide = 0;
  for (int round = 0; round < 50; ++round) {
    const int nops = round % 3;
    for (int i = 0; i < nops; ++i) {
      ASSERT_OK_AND_ASSIGN(io_uring_sqe* const sqe, receiver.Uring().NextSqe());
      io_uring_prep_nop(sqe);
      sqe->user_data = kNop;
    }
    ASSERT_OK(receiver.Send(100));
    int nops_done = 0;
    for (size_t received = 0; received < 100 || nops_done < nops;) {
      ASSERT_OK_AND_ASSIGN(const Completion next, receiver.Next());
      if (next.user_data == kNop) {
        EXPECT_EQ(next.res, 0);
        EXPECT_EQ(next.flags & uapi::IORING_CQE_F_32, 0);
        ++nops_done;
        continue;
      }
      ASSERT_GT(next.res, 0);
      ASSERT_TRUE(next.More());
      EXPECT_NE(next.flags & uapi::IORING_CQE_F_32, 0);
      received += static_cast<size_t>(next.res);
      ++wide;
    }
    ASSERT_OK(receiver.GiveBack(receiver.Taken()));
  }
  EXPECT_GE(wide, 50);
}

// zcrx_notif_tw() in io_uring/zcrx.c: an event brings no data, so it has the smaller size.
TEST_F(ZcrxNodevMixedRing, TellsAnEventAmongData) {
  ZCRX_REQUIRE(Capability::kEvents);
  constexpr uint64_t kEvent = 77;
  IfqOptions options = Nodev();
  options.event_mask = uapi::EventBit(uapi::ZCRX_EVENT_COPY);
  options.event_user_data = kEvent;
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver,
                       LoopbackReceiver::Open(options, 8, Ring::kMixedFlags));
  ASSERT_OK(receiver.Request());
  ASSERT_OK(receiver.Send(100));
  size_t received = 0;
  for (bool told = false; received < 100 || !told;) {
    ASSERT_OK_AND_ASSIGN(const Completion next, receiver.Next());
    ASSERT_GE(next.res, 0);
    const bool wide = (next.flags & uapi::IORING_CQE_F_32) != 0;
    if (next.user_data == kEvent) {
      EXPECT_FALSE(told || wide);
      EXPECT_EQ(next.res, static_cast<int32_t>(uapi::ZCRX_EVENT_COPY));
      told = true;
    } else {
      EXPECT_TRUE(wide);
      received += static_cast<size_t>(next.res);
    }
  }
}

// Each time it has a buffer already, which goes back: there are two more than it takes.
TEST_F(ZcrxNodevMixedRing, EndsARequestThatFindsItFull) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver,
                       LoopbackReceiver::Open(Nodev(18), 8, Ring::kMixedFlags));
  ASSERT_OK(receiver.Send(16 * PageBytes()));
  size_t requests = 0;
  for (size_t left = 16 * PageBytes(); left > 0;) {
    ++requests;
    ASSERT_OK(receiver.Request());
    while (left > 0) {
      ASSERT_OK_AND_ASSIGN(const Completion next, receiver.Next());
      if (!next.More()) {
        ASSERT_EQ(next.res, -ENOSPC);
        break;
      }
      left -= static_cast<size_t>(next.res);
    }
  }
  EXPECT_GT(requests, 3) << "eight slots took more than four completions each time";
}

class ZcrxNodevEnd : public NodevTest {};

// What each leaves behind NodevTest sees: descriptors, pinned memory, the kernel's log.
TEST_F(ZcrxNodevEnd, WithARequestInFlight) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(receiver.Request());
  ASSERT_OK(receiver.Send(100));
  ASSERT_OK(receiver.Take(100));
}

TEST_F(ZcrxNodevEnd, WithARequestInAWorker) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK_AND_ASSIGN(io_uring_sqe* const sqe, receiver.Uring().NextSqe());
  PrepareReceive(*sqe, receiver.Tcp().Near().Get(), receiver.Id(), 0, LoopbackReceiver::kReceive);
  sqe->flags |= IOSQE_ASYNC;
  ASSERT_OK(receiver.Send(100));
  ASSERT_OK(receiver.Take(100));
}

TEST_F(ZcrxNodevEnd, WithDataThatNobodyTook) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(kBuffers)));
  ASSERT_OK(receiver.Request());
  ASSERT_OK(receiver.Send(4 * kBuffers * PageBytes()));
  ASSERT_OK(receiver.Uring().SubmitAndWait(Soon()));
}

TEST_F(ZcrxNodevEnd, WithAllBuffersTaken) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(kBuffers)));
  EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(kBuffers));
}

TEST_F(ZcrxNodevEnd, BeforeItsExport) {
  ZCRX_REQUIRE(Capability::kSharing);
  std::optional<UniqueFd> box;
  {
    ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(kBuffers)));
    ASSERT_OK_AND_ASSIGN(box, ExportIfq(receiver.Uring(), receiver.Id()));
    EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(kBuffers));
  }
}

// The other end of the connection is ours: what was not received is still there.
TEST_F(ZcrxNodevEnd, LeavesTheSocketAsItIs) {
  constexpr int kBytes = 1000;
  std::array<std::byte, kBytes> rest{};
  std::optional<UniqueFd> socket;
  {
    ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
    socket.emplace(fcntl(receiver.Tcp().Near().Get(), F_DUPFD_CLOEXEC, 0));
    ASSERT_OK(receiver.Request(kBytes));
    ASSERT_OK(receiver.Send(2 * kBytes));
    ASSERT_OK(receiver.Take(kBytes));
  }
  const timeval patience = {.tv_sec = kNodevPatience.count(), .tv_usec = 0};
  ASSERT_EQ(setsockopt(socket->Get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
  EXPECT_EQ(recv(socket->Get(), rest.data(), rest.size(), MSG_WAITALL), kBytes);
}

// A process that is killed in the middle of it, again and again.
TEST_F(ZcrxNodevEnd, ByAKill) {
  for (int round = 0; round < 20; ++round) {
    ASSERT_OK_AND_ASSIGN(ChildProcess child, ChildProcess::Start([](const UniqueFd& channel) {
                           auto receiver = LoopbackReceiver::Open(Nodev(kBuffers));
                           const bool right = receiver && receiver->Send(PageBytes()) &&
                                              receiver->Request() && receiver->Take(PageBytes());
                           if (right && write(channel.Get(), "!", 1) == 1) pause();
                           return 1;
                         }));
    char received = 0;
    ASSERT_OK(child.Read(&received, sizeof(received), Soon()));
    child.Kill();
    EXPECT_THAT(child.Wait(Soon()), FailsWithText(::testing::HasSubstr("signal 9")));
  }
}

}  // namespace
}  // namespace zcrx
