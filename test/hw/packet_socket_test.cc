// A packet socket beside zcrx, as of tcpdump: it gets the packets of the steered flow, and cannot
// read their payload.
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "fixtures/zcrx_test.h"
#include "support/base/unique_fd.h"

namespace zcrx {
namespace {

constexpr int kReceiveBuffer = 16 << 20;  // for the whole stream, whatever a packet counts

// Returns a socket that gets all packets of the NIC.
Result<UniqueFd> OpenPacketSocket(uint32_t ifindex) {
  UniqueFd opened(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!opened.Valid()) return FailErrno("open a packet socket");
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(ifindex);
  const int on = 1;
  if (setsockopt(opened.Get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer,
                 sizeof(kReceiveBuffer)) != 0 ||
      setsockopt(opened.Get(), SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) != 0 ||
      bind(opened.Get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return FailErrno("bind a packet socket");
  }
  return opened;
}

// Packets to the flow's port.
struct Seen {
  size_t cut = 0;      // how many are longer than what can be read of them
  size_t longest = 0;  // bytes that could be read of one
};

// Reads all packets that the socket has.
Result<Seen> ReadAllOf(const UniqueFd& packets, const SocketAddress& flow) {
  Seen seen;
  std::array<std::byte, 1 << 16> packet = {};
  std::array<std::byte, CMSG_SPACE(sizeof(tpacket_auxdata))> control = {};
  const size_t ip_header = flow.Family() == AF_INET6 ? 40 : 20;
  const size_t port_at = sizeof(ether_header) + ip_header + 2;  // behind the source's
  while (true) {
    iovec bytes = {.iov_base = packet.data(), .iov_len = packet.size()};
    sockaddr_ll from = {};
    msghdr message = {};
    message.msg_name = &from;
    message.msg_namelen = sizeof(from);
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t length = recvmsg(packets.Get(), &message, MSG_DONTWAIT);
    if (length < 0 && errno == EAGAIN) return seen;
    if (length < 0) return FailErrno("read a packet");
    uint16_t port = 0;
    const auto read = static_cast<size_t>(length);
    if (from.sll_pkttype != PACKET_HOST || read < port_at + sizeof(port)) continue;
    std::memcpy(&port, packet.data() + port_at, sizeof(port));
    if (ntohs(port) != flow.Port()) continue;
    tpacket_auxdata lengths = {};
    if (const cmsghdr* const header = CMSG_FIRSTHDR(&message)) {
      std::memcpy(&lengths, CMSG_DATA(header), sizeof(lengths));
    }
    if (lengths.tp_len > read) ++seen.cut;
    seen.longest = std::max(seen.longest, read);
  }
}

using ZcrxPacketSocket = ZcrxTest;

// packet_rcv() in net/packet/af_packet.c: what lies in fragments that the kernel cannot read is cut
// off, and the socket told the whole length.
TEST_F(ZcrxPacketSocket, ReadsHeadersAlone) {
  constexpr size_t kLongestHeader = sizeof(ether_header) + 60 + 60;
  ZCRX_REQUIRE(Capability::kPacketSockets, Capability::kFlowSteering);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, Steering::kFlowRule, ReceiverOn(queue)));
  ASSERT_OK_AND_ASSIGN(const UniqueFd packets, OpenPacketSocket(nic().Index()));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
  EXPECT_THAT(received, ArrivedInPlace());

  ASSERT_OK_AND_ASSIGN(const Seen seen, ReadAllOf(packets, receiver.Endpoint()));
  EXPECT_GT(seen.cut, 0);
  EXPECT_LE(seen.longest, kLongestHeader);
}

}  // namespace
}  // namespace zcrx
