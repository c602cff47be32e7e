// One registration and several rings: ZCRX_CTRL_EXPORT makes it a file, ZCRX_REG_IMPORT gives it to
// another ring. zcrx_export(), import_zcrx() and zcrx_unregister_user() in io_uring/zcrx.c.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "fixtures/nodev_test.h"
#include "support/base/child_process.h"
#include "support/base/pages.h"
#include "support/base/wait.h"
#include "test/hw/wrong_value.h"

namespace zcrx {
namespace {

constexpr size_t kBytes = 5000;
constexpr size_t kBuffers = 16;

void Close(LoopbackReceiver receiver) { const LoopbackReceiver closed = std::move(receiver); }

class ZcrxNodevShared : public NodevTest {
 protected:
  void SetUp() override {
    Begin({Capability::kZcrx, Capability::kNodev, Capability::kSharing});
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_OK_AND_ASSIGN(LoopbackReceiver exporter, LoopbackReceiver::Open(Nodev(kBuffers)));
    exporter_.emplace(std::move(exporter));
    ASSERT_OK_AND_ASSIGN(box_, ExportIfq(exporter_->Uring(), exporter_->Id()));
  }
  void TearDown() override {
    box_.Reset();
    exporter_.reset();
    NodevTest::TearDown();
  }
  LoopbackReceiver& Exporter() { return *exporter_; }
  Result<LoopbackReceiver> Import() { return LoopbackReceiver::Import(exporter_->Memory(), box_); }
  // Closes the exporter's ring.
  void CloseExporter() { exporter_.reset(); }
  UniqueFd& Box() { return box_; }

 private:
  std::optional<LoopbackReceiver> exporter_;
  UniqueFd box_;
};

TEST_F(ZcrxNodevShared, BothRingsReceive) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver importer, Import());
  for (LoopbackReceiver* receiver : {&Exporter(), &importer}) {
    ASSERT_OK(receiver->Request());
    ASSERT_OK(receiver->Send(kBytes));
  }
  EXPECT_OK(importer.Take(kBytes));
  EXPECT_OK(Exporter().Take(kBytes));
}

// They have one pool of buffers and one refill ring, which each may flush.
TEST_F(ZcrxNodevShared, BuffersAreOfBoth) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver importer, Import());
  EXPECT_THAT(Exporter().UseUp(), IsOkAndHolds(kBuffers));
  EXPECT_THAT(importer.UseUp(), IsOkAndHolds(0));
  ASSERT_OK(importer.GiveBack(Exporter().Taken()));
  EXPECT_THAT(importer.UseUp(), IsOkAndHolds(kBuffers));
  ASSERT_OK(Exporter().GiveBack(importer.Taken()));
  EXPECT_THAT(Exporter().UseUp(), IsOkAndHolds(kBuffers));
}

TEST_F(ZcrxNodevShared, OutlivesItsExporter) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver importer, Import());
  ASSERT_OK(importer.Request());
  CloseExporter();
  Box().Reset();
  ASSERT_OK(ALaterRingEnds());
  ASSERT_OK(importer.Send(kBytes));
  EXPECT_OK(importer.Take(kBytes));
}

TEST_F(ZcrxNodevShared, LivesInTheBoxAlone) {
  const std::shared_ptr<Ifq> memory = Exporter().Memory();
  CloseExporter();
  ASSERT_OK(ALaterRingEnds());
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver importer, LoopbackReceiver::Import(memory, Box()));
  ASSERT_OK(importer.Request());
  ASSERT_OK(importer.Send(kBytes));
  EXPECT_OK(importer.Take(kBytes));
}

TEST_F(ZcrxNodevShared, IsExportedByAnImporterToo) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver importer, Import());
  ASSERT_OK_AND_ASSIGN(const UniqueFd again, ExportIfq(importer.Uring(), importer.Id()));
  CloseExporter();
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver last, LoopbackReceiver::Import(importer.Memory(), again));
  EXPECT_THAT(last.UseUp(), IsOkAndHolds(kBuffers));
}

TEST_F(ZcrxNodevShared, HasSeveralNumbersInOneRing) {
  ASSERT_OK_AND_ASSIGN(const uint32_t id, ImportIfq(Exporter().Uring(), Box()));
  EXPECT_EQ(id, 1);
  ASSERT_OK(Exporter().Request());
  ASSERT_OK(Exporter().Send(kBytes));
  EXPECT_OK(Exporter().Take(kBytes));
}

// zcrx_box_fops has nothing but a release; O_CLOEXEC, so that no program gets it unasked.
TEST_F(ZcrxNodevShared, BoxCanOnlyBeImported) {
  EXPECT_EQ(fcntl(Box().Get(), F_GETFD), FD_CLOEXEC);
  std::byte byte{};
  EXPECT_LT(read(Box().Get(), &byte, 1), 0);
  EXPECT_EQ(errno, EINVAL);
  EXPECT_LT(write(Box().Get(), &byte, 1), 0);
  EXPECT_EQ(errno, EBADF) << "it is opened for reading";
  EXPECT_EQ(mmap(nullptr, PageBytes(), PROT_READ, MAP_SHARED, Box().Get(), 0), MAP_FAILED);
  EXPECT_EQ(errno, ENODEV);
  pollfd polled = {.fd = Box().Get(), .events = POLLIN | POLLOUT | POLLPRI, .revents = 0};
  EXPECT_EQ(poll(&polled, 1, 0), 1);
  EXPECT_EQ(polled.revents, POLLIN | POLLOUT) << "as of a file that has no poll()";
}

using WrongImport = WrongValue<uapi::io_uring_zcrx_ifq_reg>;
class ZcrxNodevImportRefusal : public ZcrxNodevShared,
                               public ::testing::WithParamInterface<WrongImport> {};

TEST_P(ZcrxNodevImportRefusal, OfOneWrongValueTakesNoNumber) {
  ZCRX_REQUIRE(GetParam().needs);
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  uapi::io_uring_zcrx_ifq_reg wrong = {};
  wrong.flags = uapi::ZCRX_REG_IMPORT;
  wrong.if_idx = static_cast<uint32_t>(Box().Get());
  GetParam().spoil(wrong);
  EXPECT_THAT(Call(ring, uapi::IORING_REGISTER_ZCRX_IFQ, &wrong, 1), FailsWith(GetParam().code))
      << GetParam().source;
  EXPECT_THAT(ImportIfq(ring, Box()), IsOkAndHolds(0));
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxNodevImportRefusal,
    ::testing::Values(
        WrongImport{"no_descriptor", EBADF, "854: fd_empty()",
                    [](auto& wrong) { wrong.if_idx = ~uint32_t{0}; }},
        WrongImport{"other_file", EBADF, "858: zcrx_box_fops",
                    [](auto& wrong) { wrong.if_idx = STDIN_FILENO; }},
        WrongImport{"queue", EINVAL, "845: reg->if_rxq", [](auto& wrong) { wrong.if_rxq = 1; }},
        WrongImport{"entries", EINVAL, "845: reg->rq_entries",
                    [](auto& wrong) { wrong.rq_entries = 1; }},
        WrongImport{"area", EINVAL, "845: reg->area_ptr", [](auto& wrong) { wrong.area_ptr = 8; }},
        WrongImport{"region", EINVAL, "845: reg->region_ptr",
                    [](auto& wrong) { wrong.region_ptr = 8; }},
        WrongImport{"events",
                    EINVAL,
                    "847: reg->event_desc",
                    [](auto& wrong) { wrong.event_desc = 8; },
                    {Capability::kEvents}},
        WrongImport{"nodev", EINVAL, "849: reg->flags",
                    [](auto& wrong) { wrong.flags |= uapi::ZCRX_REG_NODEV; }},
        WrongImport{"id", EINVAL, "987: reg.zcrx_id", [](auto& wrong) { wrong.zcrx_id = 1; }},
        WrongImport{"resv", EINVAL, "987: reg.__resv", [](auto& wrong) { wrong.resv[1] = 1; }}),
    kNameOfRow);

// It would say nothing about the areas, which are there.
TEST_F(ZcrxNodevShared, ImportLooksAtNoBufferLength) {
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  uapi::io_uring_zcrx_ifq_reg request = {};
  request.flags = uapi::ZCRX_REG_IMPORT;
  request.if_idx = static_cast<uint32_t>(Box().Get());
  request.rx_buf_len = 12345;
  EXPECT_OK(Call(ring, uapi::IORING_REGISTER_ZCRX_IFQ, &request, 1));
  EXPECT_EQ(request.rx_buf_len, 12345) << "it is handed back as it came";
}

// 890: the reference that the import took is given back (NodevTest sees to that).
TEST_F(ZcrxNodevShared, ImportThatCannotBeAnsweredLeavesNothing) {
  ASSERT_OK_AND_ASSIGN(const Area page, Area::Allocate(PageBytes()));
  uapi::io_uring_zcrx_ifq_reg request = {};
  request.flags = uapi::ZCRX_REG_IMPORT;
  request.if_idx = static_cast<uint32_t>(Box().Get());
  std::memcpy(page.Bytes().data(), &request, sizeof(request));
  ASSERT_EQ(mprotect(page.Bytes().data(), PageBytes(), PROT_READ), 0);
  ASSERT_OK_AND_ASSIGN(const Ring ring, Ring::Create(1, 2));
  EXPECT_THAT(Call(ring, uapi::IORING_REGISTER_ZCRX_IFQ, page.Bytes().data(), 1),
              FailsWith(EFAULT));
  EXPECT_THAT(ImportIfq(ring, Box()), IsOkAndHolds(0));
}

class ZcrxNodevExport : public ZcrxNodevShared {
 protected:
  uapi::zcrx_ctrl Request() {
    uapi::zcrx_ctrl request = {};
    request.zcrx_id = Exporter().Id();
    request.op = uapi::ZCRX_CTRL_EXPORT;
    return request;
  }
  static Result<size_t> CountDescriptors() {
    ZCRX_ASSIGN_OR_RETURN(const ProcessHoldings now, TakeProcessStock());
    return now.descriptors;
  }
};

// 822: the file is made by then.
TEST_F(ZcrxNodevExport, ThatCannotBeAnsweredLeavesNoDescriptor) {
  ASSERT_OK_AND_ASSIGN(const Area page, Area::Allocate(PageBytes()));
  const uapi::zcrx_ctrl request = Request();
  std::memcpy(page.Bytes().data(), &request, sizeof(request));
  ASSERT_EQ(mprotect(page.Bytes().data(), PageBytes(), PROT_READ), 0);
  ASSERT_OK_AND_ASSIGN(const size_t before, CountDescriptors());
  EXPECT_THAT(Call(Exporter().Uring(), uapi::IORING_REGISTER_ZCRX_CTRL, page.Bytes().data(), 0),
              FailsWith(EFAULT));
  EXPECT_THAT(CountDescriptors(), IsOkAndHolds(before));
}

TEST_F(ZcrxNodevExport, NeedsADescriptor) {
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Result<UniqueFd> refused = ExportIfq(Exporter().Uring(), Exporter().Id());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_THAT(refused, FailsWith(EMFILE));
  EXPECT_OK(ExportIfq(Exporter().Uring(), Exporter().Id()));
}

// By a ring of its own, which the kernel wants used by one thread. Each area is a page of `memory`;
// the registration has one already.
Status AddEachPage(const UniqueFd& box, const Area& memory) {
  ZCRX_ASSIGN_OR_RETURN(const Ring ring, Ring::Create(1, 2));
  ZCRX_ASSIGN_OR_RETURN(const uint32_t id, ImportIfq(ring, box));
  const uint64_t pages = memory.Bytes().size() / PageBytes();
  for (uint64_t page = 0; page < pages; ++page) {
    uapi::io_uring_zcrx_area_reg area = ArgumentsFor(memory);
    area.addr += page * PageBytes();
    area.len = PageBytes();
    uapi::zcrx_ctrl control = {};
    control.zcrx_id = id;
    control.op = uapi::ZCRX_CTRL_ADD_AREA;
    control.zc_area.area_ptr = reinterpret_cast<uintptr_t>(&area);
    ZCRX_RETURN_IF_ERROR(Call(ring, uapi::IORING_REGISTER_ZCRX_CTRL, &control, 0));
    if (const uint64_t number = area.rq_area_token >> IORING_ZCRX_AREA_SHIFT; number != page + 1) {
      return Fail(fmt::format("add area {}", page + 1), 0, fmt::format("it got number {}", number));
    }
  }
  return {};
}

// io_zcrx_append_area() replaces the table that refill and receive read meanwhile. Buffers are
// given back at once, so the first area is never empty and no other is used.
TEST_F(ZcrxNodevShared, AreasComeByOneRingWhileAnotherReceives) {
  ZCRX_REQUIRE(Capability::kMoreAreas);
  constexpr size_t kAreas = 1000;
  ASSERT_OK_AND_ASSIGN(const Area memory, Area::Allocate(kAreas * PageBytes()));
  std::atomic<bool> over = false;
  Status added;
  std::thread adding([&] {
    added = AddEachPage(Box(), memory);
    over = true;
  });
  const auto receive = [&]() -> Status {
    ZCRX_RETURN_IF_ERROR(Exporter().Request());
    while (!over) {
      ZCRX_RETURN_IF_ERROR(Exporter().Send(kBytes));
      ZCRX_RETURN_IF_ERROR(Exporter().Take(kBytes));
      ZCRX_RETURN_IF_ERROR(Exporter().GiveBack(Exporter().Taken()));
    }
    return {};
  };
  const Status received = receive();
  adding.join();
  EXPECT_OK(received);
  EXPECT_OK(added);
}

// Events go to the ring that registered, whoever receives; without it they go nowhere.
TEST_F(ZcrxNodevShared, EventsStayWithTheExporter) {
  ZCRX_REQUIRE(Capability::kEvents);
  constexpr uint64_t kEvent = 77;
  IfqOptions options = Nodev();
  options.event_mask = uapi::EventBit(uapi::ZCRX_EVENT_COPY);
  options.event_user_data = kEvent;
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver exporter, LoopbackReceiver::Open(options));
  ASSERT_OK_AND_ASSIGN(const UniqueFd box, ExportIfq(exporter.Uring(), exporter.Id()));
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver importer, LoopbackReceiver::Import(exporter.Memory(), box));
  ASSERT_OK(importer.Request());
  ASSERT_OK(importer.Send(PageBytes()));
  ASSERT_OK(importer.Take(PageBytes()));
  ASSERT_OK_AND_ASSIGN(const Completion event, exporter.Next());
  EXPECT_EQ(event.user_data, kEvent);
  EXPECT_EQ(event.res, static_cast<int32_t>(uapi::ZCRX_EVENT_COPY));
  ASSERT_OK(importer.Zcrx().ArmEvent(importer.Uring(), uapi::ZCRX_EVENT_COPY));

  // It ends some time after it was closed; an event that has not fired cannot be armed.
  Close(std::move(exporter));
  const auto fires_no_more = [&]() -> Result<bool> {
    ZCRX_RETURN_IF_ERROR(importer.Send(PageBytes()));
    ZCRX_RETURN_IF_ERROR(importer.Take(PageBytes()));
    ZCRX_RETURN_IF_ERROR(importer.GiveBack(importer.Taken()));
    const Status armed = importer.Zcrx().ArmEvent(importer.Uring(), uapi::ZCRX_EVENT_COPY);
    return !armed && armed.error().code == EINVAL;
  };
  EXPECT_OK(Becomes("no event fires without its ring", fires_no_more, Soon()));
}

Status SendDescriptor(const UniqueFd& to, int descriptor) {
  std::byte nothing{};
  iovec data = {.iov_base = &nothing, .iov_len = 1};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof(descriptor));
  if (sendmsg(to.Get(), &message, MSG_NOSIGNAL) != 1) return FailErrno("send a descriptor");
  return {};
}

Result<UniqueFd> ReceiveDescriptor(const UniqueFd& from) {
  std::byte nothing{};
  iovec data = {.iov_base = &nothing, .iov_len = 1};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (recvmsg(from.Get(), &message, MSG_CMSG_CLOEXEC) != 1) {
    return FailErrno("receive a descriptor");
  }
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr) return Fail("receive a descriptor", 0, "the message has none");
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof(descriptor));
  return UniqueFd(descriptor);
}

// In another process: imports what comes over `from`, receives `bytes`, and writes where they are.
Status ReceiveElsewhere(const UniqueFd& from, const TcpPair& tcp, size_t bytes) {
  ZCRX_ASSIGN_OR_RETURN(const UniqueFd box, ReceiveDescriptor(from));
  ZCRX_ASSIGN_OR_RETURN(Ring ring, Ring::Create(4, 64));
  ZCRX_ASSIGN_OR_RETURN(const uint32_t id, ImportIfq(ring, box));
  ZCRX_ASSIGN_OR_RETURN(io_uring_sqe* const sqe, ring.NextSqe());
  PrepareReceive(*sqe, tcp.Near().Get(), id, static_cast<uint32_t>(bytes), 1);
  while (true) {
    ZCRX_ASSIGN_OR_RETURN(const Completion next, ring.Next(Soon()));
    if (write(from.Get(), &next, sizeof(next)) != sizeof(next)) return FailErrno("write");
    if (!next.More()) return {};
  }
}

// The data is in the exporter's memory, where the other process cannot see it.
TEST_F(ZcrxNodevShared, IsImportedByAnotherProcess) {
  ASSERT_OK_AND_ASSIGN(TcpPair tcp, TcpPair::Connect(AF_INET));
  std::vector<std::byte> sent(3 * PageBytes());
  const Payload payload(7);
  payload.Fill(0, sent);
  ASSERT_OK(tcp.Send(sent, Soon()));
  ASSERT_OK_AND_ASSIGN(ChildProcess child, ChildProcess::Start([&](const UniqueFd& channel) {
                         return ReceiveElsewhere(channel, tcp, sent.size()) ? 0 : 1;
                       }));
  ASSERT_OK(SendDescriptor(child.Channel(), Box().Get()));
  uint64_t received = 0;
  while (true) {
    Completion next;
    ASSERT_OK(child.Read(&next, sizeof(next), Soon()));
    if (!next.More()) break;
    const auto length = static_cast<uint32_t>(next.res);
    ASSERT_OK_AND_ASSIGN(const auto bytes, Exporter().Zcrx().At(next.data, length));
    EXPECT_OK(payload.Check(received, bytes));
    received += length;
  }
  EXPECT_THAT(child.Wait(Soon()), IsOkAndHolds(0));
  EXPECT_EQ(received, sent.size());
}

}  // namespace
}  // namespace zcrx
