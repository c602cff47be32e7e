// A kernel that runs out of memory in the middle of a call: every allocation fails once, in turn.
#include <ostream>
#include <string>
#include <vector>

#include "fixtures/zcrx_test.h"
#include "support/nic/huge_pages.h"
#include "test/hw/each_allocation.h"
#include "test/hw/holdings.h"

namespace zcrx {
namespace {

struct AreaVariant {
  std::string name;
  AreaKind kind;  // not kPages: pinning them would allocate each, thousands of them
  std::vector<Capability> needs;

  friend void PrintTo(const AreaVariant& variant, std::ostream* out) { *out << variant.name; }
};

class ZcrxOutOfMemory : public ZcrxTest, public ::testing::WithParamInterface<AreaVariant> {};

TEST_P(ZcrxOutOfMemory, FailsARegistrationAndLeavesTheQueueFree) {
  ZCRX_REQUIRE(Capability::kFaultInjection, Capability::kFlowSteering);
  ZCRX_REQUIRE(GetParam().needs);
  ExpectDriverErrors();
  ASSERT_OK_AND_ASSIGN(TargetQueue queue, ConfigureQueue({.small_ring = true}));
  ASSERT_OK(declared().ReserveHugePages(1));
  // Nothing arrives in it, and it is made as often as an allocation fails: enough to fill the ring.
  IfqOptions options = ReceiverOn(queue).ifq;
  options.area = {.bytes = kHugePageBytes, .kind = GetParam().kind};
  ASSERT_OK(bed().SenderPath(Deadline::In(kTransfer)));  // has descriptors meanwhile
  ASSERT_OK_AND_ASSIGN(const Holdings before, TakeStockAtRest(nic()));

  {
    ASSERT_OK_AND_ASSIGN(EachAllocation each, EachAllocation::Open());
    while (each.Next()) {
      SCOPED_TRACE(fmt::format("allocation {} of the registration", each.Nth()));
      {
        ASSERT_OK_AND_ASSIGN(Ring ring, Ring::Create(1, 2));
        each.FailIn(ring);
        each.Check(Ifq::Register(ring, options));
        if (HasFailure()) return;
      }
      ASSERT_OK(queue.WaitUntilFree());
      ASSERT_OK(BecomesAgain(nic(), before));
    }
    each.Report();
  }

  // The queue is as good as new.
  ASSERT_OK_AND_ASSIGN(Receiver receiver, Receive(queue, Steering::kFlowRule, ReceiverOn(queue)));
  ASSERT_OK_AND_ASSIGN(Sender sender, Send(receiver));
  ASSERT_OK_AND_ASSIGN(const Received received, Transfer(receiver, sender));
  EXPECT_THAT(received, ArrivedInPlace());
}

INSTANTIATE_TEST_SUITE_P(
    , ZcrxOutOfMemory,
    ::testing::Values(AreaVariant{"huge_pages", AreaKind::kHugePages, {}},
                      AreaVariant{"dmabuf", AreaKind::kUdmabuf, {Capability::kDmabufArea}}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace zcrx
