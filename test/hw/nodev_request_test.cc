// IORING_OP_RECV_ZC: what it takes and refuses, how it begins and ends. io_recvzc_prep() and
// io_recvzc() in io_uring/net.c, io_zcrx_recv() in io_uring/zcrx.c.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "fixtures/nodev_test.h"
#include "support/base/pages.h"
#include "support/base/wait.h"
#include "support/net/listen.h"
#include "support/net/socket_address.h"
#include "test/hw/wrong_value.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

constexpr size_t kBytes = 5000;
constexpr uint64_t kOther = 99;  // user_data of other requests

class ZcrxNodevRequest : public NodevTest {
 protected:
  // Queues a receive request that `change` has changed.
  template <typename Change>
  static Status Request(LoopbackReceiver& receiver, const Change& change) {
    ZCRX_ASSIGN_OR_RETURN(io_uring_sqe* const sqe, receiver.Uring().NextSqe());
    PrepareReceive(*sqe, receiver.Tcp().Near().Get(), receiver.Id(), 0, LoopbackReceiver::kReceive);
    change(*sqe);
    return {};
  }
  // Queues something else.
  template <typename Prepare>
  static Status Queue(LoopbackReceiver& receiver, const Prepare& prepare) {
    ZCRX_ASSIGN_OR_RETURN(io_uring_sqe* const sqe, receiver.Uring().NextSqe());
    prepare(*sqe);
    sqe->user_data = kOther;
    return {};
  }
};

using WrongRequest = WrongValue<io_uring_sqe>;
class ZcrxNodevRequestField : public ZcrxNodevRequest,
                              public ::testing::WithParamInterface<WrongRequest> {};

TEST_P(ZcrxNodevRequestField, IsRefused) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(receiver.Send(kBytes));
  ASSERT_OK(Request(receiver, GetParam().spoil));
  EXPECT_THAT(receiver.End(), FailsWith(GetParam().code)) << GetParam().source;
  EXPECT_TRUE(receiver.Taken().empty()) << "data came";

  ASSERT_OK(receiver.Request());
  EXPECT_OK(receiver.Take(kBytes));
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxNodevRequestField,
    ::testing::Values(
        WrongRequest{"addr", EINVAL, "net.c:1326: sqe->addr", [](auto& sqe) { sqe.addr = 1; }},
        WrongRequest{"addr2", EINVAL, "net.c:1326: sqe->addr2", [](auto& sqe) { sqe.addr2 = 1; }},
        WrongRequest{"addr3", EINVAL, "net.c:1326: sqe->addr3", [](auto& sqe) { sqe.addr3 = 1; }},
        WrongRequest{"id", EINVAL, "net.c:1330: zcrx_ifq_idx",
                     [](auto& sqe) { sqe.file_index = 1; }},
        WrongRequest{"msg_flags", EINVAL, "net.c:1336: sqe->msg_flags",
                     [](auto& sqe) { sqe.msg_flags = MSG_DONTWAIT; }},
        WrongRequest{"ioprio", EINVAL, "net.c:1338: zc->flags",
                     [](auto& sqe) { sqe.ioprio |= IORING_RECVSEND_FIXED_BUF; }},
        WrongRequest{"ioprio_unknown", EINVAL, "net.c:1338: zc->flags",
                     [](auto& sqe) { sqe.ioprio |= 1 << 15; }},
        WrongRequest{"no_multishot", EINVAL, "net.c:1341: IORING_RECV_MULTISHOT",
                     [](auto& sqe) { sqe.ioprio = 0; }},
        WrongRequest{"buffer_select", EOPNOTSUPP, "io_uring.c: !def->buffer_select",
                     [](auto& sqe) { sqe.flags |= IOSQE_BUFFER_SELECT; }}),
    kNameOfRow);

struct OtherFile {
  std::string name;
  int code;
  std::string source;
  std::function<Result<UniqueFd>()> open;
  std::vector<Capability> needs = {};

  friend void PrintTo(const OtherFile& file, std::ostream* out) {
    *out << ErrnoName(file.code) << ", " << file.source;
  }
};

Result<UniqueFd> Socket(int family, int type, int protocol) {
  UniqueFd opened(socket(family, type | SOCK_CLOEXEC, protocol));
  if (!opened.Valid()) return FailErrno("open a socket");
  return opened;
}

class ZcrxNodevRequestFile : public ZcrxNodevRequest,
                             public ::testing::WithParamInterface<OtherFile> {};

TEST_P(ZcrxNodevRequestFile, IsRefused) {
  ZCRX_REQUIRE(GetParam().needs);
  ASSERT_OK_AND_ASSIGN(const UniqueFd file, GetParam().open());
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(receiver.Send(kBytes));
  ASSERT_OK(Request(receiver, [&](io_uring_sqe& sqe) { sqe.fd = file.Get(); }));
  EXPECT_THAT(receiver.End(), FailsWith(GetParam().code)) << GetParam().source;

  ASSERT_OK(receiver.Request());
  EXPECT_OK(receiver.Take(kBytes));
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxNodevRequestFile,
    ::testing::Values(OtherFile{"closed", EBADF, "io_uring.c: io_assign_file()",
                                [] { return Result<UniqueFd>(UniqueFd()); }},
                      OtherFile{"pipe", ENOTSOCK, "net.c:1357: sock_from_file()",
                                []() -> Result<UniqueFd> {
                                  std::array<int, 2> ends{};
                                  if (pipe2(ends.data(), O_CLOEXEC) != 0)
                                    return FailErrno("open a pipe");
                                  close(ends[1]);
                                  return UniqueFd(ends[0]);
                                }},
                      OtherFile{"udp", EPROTONOSUPPORT, "1965: prot->recvmsg",
                                [] { return Socket(AF_INET, SOCK_DGRAM, 0); }},
                      OtherFile{"unix", EPROTONOSUPPORT, "1965: prot->recvmsg",
                                [] { return Socket(AF_UNIX, SOCK_STREAM, 0); }},
                      OtherFile{"netlink", EPROTONOSUPPORT, "1965: prot->recvmsg",
                                [] { return Socket(AF_NETLINK, SOCK_RAW, 0); }},
                      OtherFile{"mptcp",
                                EPROTONOSUPPORT,
                                "1965: prot->recvmsg",
                                [] { return Socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP); },
                                {Capability::kMptcp}},
                      OtherFile{"unconnected", ENOTCONN, "1938: TCP_CLOSE",
                                [] { return Socket(AF_INET, SOCK_STREAM, 0); }},
                      OtherFile{"listening", ENOTCONN, "tcp.c: TCP_LISTEN in tcp_read_sock()",
                                []() -> Result<UniqueFd> {
                                  ZCRX_ASSIGN_OR_RETURN(const SocketAddress any,
                                                        SocketAddress::Parse("127.0.0.1", 0));
                                  return ListenOn(any);
                                }}),
    kNameOfRow);

TEST_F(ZcrxNodevRequest, RefusesTheRingItself) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(Request(receiver, [&](io_uring_sqe& sqe) { sqe.fd = receiver.Uring().Fd(); }));
  EXPECT_THAT(receiver.End(), FailsWith(ENOTSOCK));
}

// net.c:1366: what is left in the socket is the next request's.
TEST_F(ZcrxNodevRequest, EndsAtItsLimit) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(receiver.Send(kBytes));
  ASSERT_OK(receiver.Request(kBytes - 2000));
  ASSERT_OK(receiver.Take(kBytes - 2000));
  EXPECT_THAT(receiver.End(), IsOkAndHolds(0));
  ASSERT_OK(receiver.Request());
  EXPECT_OK(receiver.Take(2000));
}

TEST_F(ZcrxNodevRequest, EndsByTheStreamsEndEachTime) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(receiver.Send(kBytes));
  ASSERT_OK(receiver.Tcp().Finish());
  ASSERT_OK(receiver.Request());
  ASSERT_OK(receiver.Take(kBytes));
  EXPECT_THAT(receiver.End(), IsOkAndHolds(0));
  ASSERT_OK(receiver.Request());
  EXPECT_THAT(receiver.End(), IsOkAndHolds(0));
}

TEST_F(ZcrxNodevRequest, EndsByAReset) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(receiver.Send(kBytes));
  ASSERT_OK(receiver.Request());
  ASSERT_OK(receiver.Take(kBytes));
  ASSERT_OK(receiver.Tcp().Reset());
  EXPECT_THAT(receiver.End(), FailsWith(ECONNRESET));
}

TEST_F(ZcrxNodevRequest, EndsByItsOwnShutdown) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(receiver.Send(kBytes));
  ASSERT_OK(receiver.Request());
  ASSERT_OK(receiver.Take(kBytes));
  ASSERT_EQ(shutdown(receiver.Tcp().Near().Get(), SHUT_RD), 0);
  EXPECT_THAT(receiver.End(), IsOkAndHolds(0));
}

TEST_F(ZcrxNodevRequest, IsCancelledAndSentAgain) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(receiver.Send(kBytes));
  ASSERT_OK(receiver.Request());
  ASSERT_OK(receiver.Take(kBytes));
  ASSERT_OK(Queue(receiver, [](io_uring_sqe& sqe) {
    io_uring_prep_cancel64(&sqe, LoopbackReceiver::kReceive, 0);
  }));
  EXPECT_THAT(receiver.End(), FailsWith(ECANCELED));
  ASSERT_OK(receiver.Send(kBytes));
  ASSERT_OK(receiver.Request());
  EXPECT_OK(receiver.Take(kBytes));
}

TEST_F(ZcrxNodevRequest, EndsByALinkedTimeout) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(Request(receiver, [](io_uring_sqe& sqe) { sqe.flags |= IOSQE_IO_LINK; }));
  __kernel_timespec soon = {.tv_sec = 0, .tv_nsec = 1'000'000};
  ASSERT_OK(
      Queue(receiver, [&](io_uring_sqe& sqe) { io_uring_prep_link_timeout(&sqe, &soon, 0); }));
  EXPECT_THAT(receiver.End(), FailsWith(ECANCELED));
}

// Before any data has come, and after it.
TEST_F(ZcrxNodevRequest, BeginsByPolling) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(Request(receiver, [](io_uring_sqe& sqe) { sqe.ioprio |= IORING_RECVSEND_POLL_FIRST; }));
  ASSERT_OK(receiver.Send(kBytes));
  EXPECT_OK(receiver.Take(kBytes));
  ASSERT_OK(receiver.Send(kBytes));
  EXPECT_OK(receiver.Take(kBytes));
}

TEST_F(ZcrxNodevRequest, BeginsInAWorker) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(receiver.Send(kBytes));
  ASSERT_OK(Request(receiver, [](io_uring_sqe& sqe) { sqe.flags |= IOSQE_ASYNC; }));
  EXPECT_OK(receiver.Take(kBytes));
  ASSERT_OK(receiver.Send(kBytes));
  EXPECT_OK(receiver.Take(kBytes));
}

TEST_F(ZcrxNodevRequest, TakesARegisteredFile) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  int socket = receiver.Tcp().Near().Get();
  ASSERT_OK(Call(receiver.Uring(), IORING_REGISTER_FILES, &socket, 1));
  ASSERT_OK(Request(receiver, [](io_uring_sqe& sqe) {
    sqe.fd = 0;
    sqe.flags |= IOSQE_FIXED_FILE;
  }));
  ASSERT_OK(receiver.Send(kBytes));
  EXPECT_OK(receiver.Take(kBytes));
}

// The end of a request that is told to be silent is not told; data and errors are.
TEST_F(ZcrxNodevRequest, EndsSilently) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(Request(receiver, [](io_uring_sqe& sqe) { sqe.flags |= IOSQE_CQE_SKIP_SUCCESS; }));
  ASSERT_OK(receiver.Send(kBytes));
  ASSERT_OK(receiver.Take(kBytes));
  ASSERT_OK(receiver.Tcp().Finish());
  // The next request ends in its turn, and its end is the first that is told.
  ASSERT_OK(Request(receiver, [](io_uring_sqe& sqe) { sqe.user_data = kOther; }));
  ASSERT_OK_AND_ASSIGN(const Completion next, receiver.Next());
  EXPECT_EQ(next.user_data, kOther);
  EXPECT_EQ(next.res, 0);
}

// Nothing is lost: what was not received comes first in the next request.
TEST_F(ZcrxNodevRequest, GoesOnOnceBuffersAreBack) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(16)));
  for (int round = 0; round < 4; ++round) {
    EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(16));
    EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(0));
    ASSERT_OK(receiver.GiveBack(receiver.Taken()));
  }
}

// io_zcrx_recv_skb(): the request waits already, and no packet comes any more to wake it.
TEST_F(ZcrxNodevRequest, RunsDryWithinAPacket) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(16)));
  ASSERT_OK(receiver.Request());
  ASSERT_OK(receiver.Send(PageBytes()));
  ASSERT_OK(receiver.Take(PageBytes()));
  ASSERT_OK(receiver.Send(20 * PageBytes()));
  EXPECT_THAT(receiver.End(), FailsWith(ENOMEM));
  const std::vector<TakenBuffer> taken = receiver.Taken();
  size_t received = 0;
  for (const TakenBuffer& buffer : taken) received += buffer.length;
  ASSERT_OK(receiver.GiveBack(taken));
  ASSERT_OK(receiver.Request());
  EXPECT_OK(receiver.Take(21 * PageBytes() - received));
}

// One gets all, in order: the other waits for what the first leaves.
TEST_F(ZcrxNodevRequest, SharesASocketWithAnother) {
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(receiver.Request());
  ASSERT_OK(receiver.Request());
  for (int round = 0; round < 10; ++round) {
    ASSERT_OK(receiver.Send(kBytes));
    ASSERT_OK(receiver.Take(kBytes));
  }
  ASSERT_OK(receiver.Tcp().Finish());
  EXPECT_THAT(receiver.End(), IsOkAndHolds(0));
  EXPECT_THAT(receiver.End(), IsOkAndHolds(0));
}

TEST_F(ZcrxNodevRequest, BothFamiliesReceiveIntoOneArea) {
  ZCRX_REQUIRE(Capability::kIpv6Loopback);
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(receiver.Request());
  ASSERT_OK_AND_ASSIGN(TcpPair six, TcpPair::Connect(AF_INET6));
  ASSERT_OK(Request(receiver, [&](io_uring_sqe& sqe) {
    sqe.fd = six.Near().Get();
    sqe.user_data = kOther;
  }));
  const std::array<std::byte, 2> sent = {std::byte{4}, std::byte{6}};
  ASSERT_OK(six.Send(sent, Soon()));
  ASSERT_OK_AND_ASSIGN(const Completion data, receiver.Next());
  EXPECT_EQ(data.user_data, kOther);
  EXPECT_EQ(data.res, sent.size());
  ASSERT_OK_AND_ASSIGN(const auto bytes, receiver.Zcrx().At(data.data, sent.size()));
  EXPECT_TRUE(std::ranges::equal(bytes, sent));
  ASSERT_OK(receiver.Send(kBytes));
  EXPECT_OK(receiver.Take(kBytes));
}

// tcp_read_sock() in tcp.c: a socket that connects is no closed one. The listener's queue is full,
// so that its answer comes a second later, to the SYN that is sent again.
TEST_F(ZcrxNodevRequest, WaitsForASocketThatConnects) {
  ASSERT_OK_AND_ASSIGN(const SocketAddress any, SocketAddress::Parse("127.0.0.1", 0));
  ASSERT_OK_AND_ASSIGN(const UniqueFd listener, ListenOn(any));
  ASSERT_EQ(listen(listener.Get(), 0), 0);
  ASSERT_OK_AND_ASSIGN(const SocketAddress endpoint, SocketAddress::OfSocket(listener.Get()));
  const UniqueFd first(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(first.Get(), endpoint.Get(), endpoint.Length()), 0);
  const UniqueFd late(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ASSERT_EQ(connect(late.Get(), endpoint.Get(), endpoint.Length()), -1);
  ASSERT_EQ(errno, EINPROGRESS);

  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open());
  ASSERT_OK(Request(receiver, [&](io_uring_sqe& sqe) {
    sqe.fd = late.Get();
    sqe.user_data = kOther;
  }));
  EXPECT_THAT(receiver.Uring().SubmitAndWait(Deadline::In(0s)), IsOkAndHolds(false));
  for (int connection = 0; connection < 2; ++connection) {
    pollfd polled = {.fd = listener.Get(), .events = POLLIN, .revents = 0};
    ASSERT_THAT(PollUntil("accept", std::span(&polled, 1), Soon()), IsOkAndHolds(true));
    const UniqueFd accepted(accept(listener.Get(), nullptr, nullptr));
    ASSERT_TRUE(accepted.Valid());
    ASSERT_EQ(send(accepted.Get(), "!", 1, MSG_NOSIGNAL), 1);
  }
  ASSERT_OK_AND_ASSIGN(const Completion data, receiver.Next());
  EXPECT_EQ(data.user_data, kOther);
  EXPECT_EQ(data.res, 1);
  EXPECT_TRUE(data.More());
}

}  // namespace
}  // namespace zcrx
