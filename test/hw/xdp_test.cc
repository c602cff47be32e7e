// XDP and AF_XDP beside zcrx: whichever comes second is refused.
#include "support/kernel/xdp.h"

#include <gmock/gmock.h>

#include <chrono>
#include <ostream>
#include <string>

#include "fixtures/zcrx_test.h"
#include "support/nic/addresses.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;

// A program may have switched features off, and stopped the queues.
void PutRight(DeclaredNic& nic) {
  EXPECT_THAT(nic.PutRight().errors, IsEmpty());
  EXPECT_OK(WaitUntilReachable(nic.Get(), Deadline::In(10s)));
}

struct ProgramVariant {
  std::string name;
  XdpMode mode;

  friend void PrintTo(const ProgramVariant& variant, std::ostream* out) { *out << variant.name; }
};

class ZcrxBoundXdp : public ZcrxTest, public ::testing::WithParamInterface<ProgramVariant> {
 protected:
  // Attaches a program and detaches it. Returns the errno, or 0.
  static int Try() {
    const auto program = XdpProgram::Attach(nic().Index(), GetParam().mode);
    return program ? 0 : program.error().code;
  }
};

// dev_xdp_install() in net/core/dev.c, before it asks the driver: "unable to install XDP to device
// using memory provider" (a bpf link passes no words on). Hardly a driver takes a native program
// beside header split, so what it answers without zcrx is the control.
TEST_P(ZcrxBoundXdp, DeviceTakesNoProgram) {
  ZCRX_REQUIRE(Capability::kXdp);
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  const int unbound = Try();
  if (GetParam().mode == XdpMode::kGeneric) {
    EXPECT_EQ(ErrnoName(unbound), "0");
  }
  PutRight(declared());
  {
    ASSERT_OK_AND_ASSIGN(const Receiver receiver, Receiver::Start(ReceiverOn(queue)));
    EXPECT_EQ(ErrnoName(Try()), "EBUSY");
  }
  ASSERT_OK(queue.WaitUntilFree());
  EXPECT_EQ(ErrnoName(Try()), ErrnoName(unbound));
  PutRight(declared());
}

INSTANTIATE_TEST_SUITE_P(, ZcrxBoundXdp,
                         ::testing::Values(ProgramVariant{"generic", XdpMode::kGeneric},
                                           ProgramVariant{"native", XdpMode::kNative}),
                         [](const auto& info) { return info.param.name; });

using ZcrxXdp = ZcrxTest;

// __netif_mp_open_rxq(): "unable to custom memory provider to device with XDP program attached".
TEST_F(ZcrxXdp, DeviceTakesNoRing) {
  ZCRX_REQUIRE(Capability::kXdp);
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  const IfqOptions options = ReceiverOn(queue).ifq;
  {
    ASSERT_OK_AND_ASSIGN(const XdpProgram program,
                         XdpProgram::Attach(nic().Index(), XdpMode::kGeneric));
    EXPECT_THAT(DryRun(options), FailsWith(EEXIST));
  }
  PutRight(declared());
  EXPECT_OK(DryRun(options));
}

using ZcrxXsk = ZcrxTest;

// __netif_mp_open_rxq(): "designated queue already in use by AF_XDP", whatever the socket's mode.
// The other way round only a socket without copies is refused, which no driver has beside header
// split.
TEST_F(ZcrxXsk, QueueTakesNoRing) {
  ZCRX_REQUIRE(Capability::kXdpSockets);
  ASSERT_OK_AND_ASSIGN(const TargetQueue queue, ConfigureQueue());
  const IfqOptions options = ReceiverOn(queue).ifq;
  {
    ASSERT_OK_AND_ASSIGN(const XdpSocket socket, XdpSocket::Bind(nic().Index(), queue.Index()));
    EXPECT_THAT(DryRun(options), FailsWith(EBUSY));
  }
  ASSERT_OK(queue.WaitUntilFree());
  EXPECT_OK(DryRun(options));
}

// xp_assign_dev() in net/xdp/xsk_buff_pool.c: it takes nothing from the queue without a program.
TEST_F(ZcrxXsk, ComesBesideARingToGetCopies) {
  ZCRX_REQUIRE(Capability::kXdpSockets, Capability::kFlowSteering);
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue());
  {
    ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, Steering::kFlowRule, ReceiverOn(queue)));
    ASSERT_OK_AND_ASSIGN(const XdpSocket socket, XdpSocket::Bind(nic().Index(), queue.Index()));
    ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
    ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
    EXPECT_THAT(received, ArrivedInPlace());
  }
  EXPECT_OK(queue.WaitUntilFree());
}

}  // namespace
}  // namespace zcrx
