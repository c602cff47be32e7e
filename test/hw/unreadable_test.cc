// What the NIC put into zcrx's memory no plain call can read: the kernel cannot reach that memory,
// so each is refused, and nothing is lost by it. The proof of zero copy that every kernel has.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "fixtures/zcrx_test.h"
#include "support/base/pages.h"
#include "test/hw/variants.h"

namespace zcrx {
namespace {

// include/linux/socket.h, 6.12: for data in a dmabuf that a socket was bound to.
constexpr int kMsgSockDevmem = 0x2000000;

// struct tcp_zerocopy_receive of include/uapi/linux/tcp.h, which is longer than the C library's.
struct ZerocopyRequest {
  uint64_t address;
  uint32_t length;  // in: of the mapping; out: bytes mapped
  uint32_t recv_skip_hint;
  uint32_t inq;
  int32_t err;
  uint64_t copybuf_address;
  int32_t copybuf_len;  // in: room; out: bytes copied
  uint32_t flags;
};

// Returns what a call took of the socket.
using Taken = Result<uint64_t>;

Taken TakenBy(const std::string& call, ssize_t result) {
  if (result < 0) return FailErrno(call);
  return static_cast<uint64_t>(result);
}

// Room for all that can be queued.
std::vector<std::byte>& Room() {
  static std::vector<std::byte> room(size_t{8} << 20);
  return room;
}

Taken Recv(int socket, int flags) {
  return TakenBy("recv", recv(socket, Room().data(), Room().size(), MSG_DONTWAIT | flags));
}

Taken RecvDevmem(int socket) {
  iovec bytes = {.iov_base = Room().data(), .iov_len = Room().size()};
  std::array<char, 4096> control = {};
  msghdr message = {};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  return TakenBy("recvmsg", recvmsg(socket, &message, MSG_DONTWAIT | kMsgSockDevmem));
}

Taken OpRecv(int socket) {
  ZCRX_ASSIGN_OR_RETURN(Ring ring, Ring::Create(1, 2));
  ZCRX_ASSIGN_OR_RETURN(io_uring_sqe* const sqe, ring.NextSqe());
  io_uring_prep_recv(sqe, socket, Room().data(), Room().size(), MSG_DONTWAIT);
  Taken taken = Fail("IORING_OP_RECV", ETIMEDOUT);
  ZCRX_RETURN_IF_ERROR(ring.SubmitAndWait(Deadline::In(std::chrono::seconds(5))));
  ring.Drain([&](const io_uring_cqe& cqe) {
    taken = cqe.res < 0 ? Fail("IORING_OP_RECV", -cqe.res) : Taken(static_cast<uint64_t>(cqe.res));
  });
  return taken;
}

Taken Splice(int socket) {
  std::array<int, 2> ends = {};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno("pipe2");
  const UniqueFd out(ends[0]);
  const UniqueFd in(ends[1]);
  return TakenBy("splice",
                 splice(socket, nullptr, in.Get(), nullptr, Room().size(), SPLICE_F_NONBLOCK));
}

// `copying`: what cannot be mapped is to be copied (copybuf_address).
Taken ZerocopyReceive(int socket, bool copying) {
  const size_t bytes = 2 * PageBytes();
  void* const mapped = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, socket, 0);
  if (mapped == MAP_FAILED) return FailErrno("mmap the socket");
  ZerocopyRequest request = {};
  request.address = reinterpret_cast<uintptr_t>(mapped);
  request.length = static_cast<uint32_t>(bytes);
  if (copying) {
    request.copybuf_address = reinterpret_cast<uintptr_t>(Room().data());
    request.copybuf_len = static_cast<int32_t>(Room().size());
  }
  socklen_t length = sizeof(request);
  const int result = getsockopt(socket, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &request, &length);
  Taken taken = TakenBy("TCP_ZEROCOPY_RECEIVE", result);
  munmap(mapped, bytes);
  if (!taken) return taken;
  return uint64_t{request.length} + static_cast<uint64_t>(std::max(0, request.copybuf_len));
}

struct PlainCall {
  std::string name;
  std::function<Taken(int socket)> call;
  ::testing::Matcher<Taken> outcome;

  friend void PrintTo(const PlainCall& call, std::ostream* out) { *out << call.name; }
};

class ZcrxUnreadable : public ZcrxTest, public ::testing::WithParamInterface<PlainCall> {};

TEST_P(ZcrxUnreadable, IsRefusedToPlainCalls) {
  ZCRX_REQUIRE(Capability::kFlowSteering);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, Steering::kFlowRule, ReceiverOn(queue)));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
  ASSERT_OK(receiver.Accept(kStreamBytes, IsPayloadOf(Seed()), Deadline::In(kTransfer)));
  // TCP_ZEROCOPY_RECEIVE does not look at less than a page.
  ASSERT_OK(receiver.WaitUntilQueued(static_cast<int>(2 * PageBytes()), Deadline::In(kTransfer)));
  const int connection = receiver.Connection().Get();
  EXPECT_THAT(GetParam().call(connection), GetParam().outcome);

  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
  EXPECT_THAT(received, ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxUnreadable,
    ::testing::Values(
        // tcp_recvmsg_locked() in net/ipv4/tcp.c: without MSG_SOCK_DEVMEM, of unreadable fragments
        PlainCall{"recv", [](int socket) { return Recv(socket, 0); }, FailsWith(EFAULT)},
        PlainCall{"peek", [](int socket) { return Recv(socket, MSG_PEEK); }, FailsWith(EFAULT)},
        PlainCall{
            "read",
            [](int socket) { return TakenBy("read", read(socket, Room().data(), Room().size())); },
            FailsWith(EFAULT)},
        PlainCall{"op_recv", OpRecv, FailsWith(EFAULT)},
        // tcp_recvmsg_dmabuf(): a fragment that is not of a dmabuf
        PlainCall{"devmem", RecvDevmem, FailsWith(ENODEV)},
        // __skb_splice_bits() in net/core/skbuff.c stops at the fragments without saying so
        PlainCall{"splice", Splice, FailsWith(EFAULT)},
        // tcp_zerocopy_receive() maps nothing, and copies by tcp_recvmsg_locked()
        PlainCall{"zerocopy_receive", [](int socket) { return ZerocopyReceive(socket, false); },
                  IsOkAndHolds(0U)},
        PlainCall{"zerocopy_receive_copying",
                  [](int socket) { return ZerocopyReceive(socket, true); }, FailsWith(EFAULT)}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace zcrx
