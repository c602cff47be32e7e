// As out_of_memory_test.cc, without a NIC: each allocation of what makes a registration, adds to it
// or passes it on fails once, in turn. What has failed leaves nothing, and what it was to change as
// it was.
#include <string>
#include <utility>

#include "fixtures/nodev_test.h"
#include "support/base/pages.h"
#include "test/hw/each_allocation.h"
#include "test/hw/wrong_value.h"

namespace zcrx {
namespace {

constexpr size_t kBuffers = 4;

class ZcrxNodevOutOfMemory : public NodevTest {
 protected:
  void SetUp() override {
    Begin({Capability::kZcrx, Capability::kNodev, Capability::kFaultInjection});
  }
};

void FailARegistration(const IfqOptions& options) {
  ASSERT_OK_AND_ASSIGN(EachAllocation each, EachAllocation::Open());
  while (each.Next()) {
    SCOPED_TRACE(fmt::format("allocation {} of the registration", each.Nth()));
    ASSERT_OK_AND_ASSIGN(Ring ring, Ring::Create(1, 2));
    each.FailIn(ring);
    const Result<Ifq> ifq = Ifq::Register(ring, options);
    each.Check(ifq);
    if (::testing::Test::HasFailure()) return;
    if (ifq) continue;
    // Also of the ring that it failed in, which has the number still to give.
    ring.SetAround({});
    ASSERT_OK_AND_ASSIGN(const Ifq again, Ifq::Register(ring, options));
    EXPECT_EQ(again.Id(), 0);
  }
  each.Report();
}

TEST_F(ZcrxNodevOutOfMemory, FailsARegistration) { FailARegistration(Nodev(kBuffers)); }

TEST_F(ZcrxNodevOutOfMemory, FailsARegistrationWithTheKernelsRing) {
  IfqOptions options = Nodev(kBuffers);
  options.refill = RefillMemory::kKernel;
  FailARegistration(options);
}

// All buffers are of areas that came.
TEST_F(ZcrxNodevOutOfMemory, FailsToAddAnArea) {
  ZCRX_REQUIRE(Capability::kMoreAreas);
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(1)));
  size_t buffers = 1;
  ASSERT_OK_AND_ASSIGN(EachAllocation each, EachAllocation::Open());
  while (each.Next()) {
    SCOPED_TRACE(fmt::format("allocation {} of the area", each.Nth()));
    each.FailIn(receiver.Uring());
    const Status added =
        receiver.Zcrx().AddArea(receiver.Uring(), {.bytes = kBuffers * PageBytes()});
    each.Check(added);
    if (HasFailure()) return;
    if (added) buffers += kBuffers;
  }
  receiver.Uring().SetAround({});
  each.Report();
  EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(buffers));
  ASSERT_OK(receiver.GiveBack(receiver.Taken()));
  EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(buffers));
}

TEST_F(ZcrxNodevOutOfMemory, FailsAnExport) {
  ZCRX_REQUIRE(Capability::kSharing);
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(Nodev(kBuffers)));
  ASSERT_OK_AND_ASSIGN(EachAllocation each, EachAllocation::Open());
  while (each.Next()) {
    SCOPED_TRACE(fmt::format("allocation {} of the export", each.Nth()));
    each.FailIn(receiver.Uring());
    each.Check(ExportIfq(receiver.Uring(), receiver.Id()));
    if (HasFailure()) return;
  }
  receiver.Uring().SetAround({});
  each.Report();
  EXPECT_THAT(receiver.UseUp(), IsOkAndHolds(kBuffers));
}

// Where xa_alloc() tries again one failure costs nothing.
TEST_F(ZcrxNodevOutOfMemory, FailsAnImport) {
  ZCRX_REQUIRE(Capability::kSharing);
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver exporter, LoopbackReceiver::Open(Nodev(kBuffers)));
  ASSERT_OK_AND_ASSIGN(const UniqueFd box, ExportIfq(exporter.Uring(), exporter.Id()));
  ASSERT_OK_AND_ASSIGN(EachAllocation each, EachAllocation::Open());
  while (each.Next()) {
    SCOPED_TRACE(fmt::format("allocation {} of the import", each.Nth()));
    ASSERT_OK_AND_ASSIGN(Ring ring, Ring::Create(1, 2));
    each.FailIn(ring);
    each.Check(ImportIfq(ring, box));
    if (HasFailure()) return;
  }
  each.Report();
  ASSERT_OK_AND_ASSIGN(LoopbackReceiver importer, LoopbackReceiver::Import(exporter.Memory(), box));
  EXPECT_THAT(importer.UseUp(), IsOkAndHolds(kBuffers));
}

// zcrx_send_notif(): an event that gets no memory has not fired, and does with the next copy.
TEST_F(ZcrxNodevOutOfMemory, FailsAnEventThatComesLater) {
  ZCRX_REQUIRE(Capability::kEvents);
  constexpr uint64_t kEvent = 77;
  IfqOptions options = Nodev();
  options.event_mask = uapi::EventBit(uapi::ZCRX_EVENT_COPY);
  options.event_user_data = kEvent;
  ASSERT_OK_AND_ASSIGN(const FailNth fault, FailNth::Open());
  int late = 0;
  Result<bool> failed = true;
  for (unsigned nth = 1; failed && *failed; ++nth) {
    SCOPED_TRACE(fmt::format("allocation {} of receiving", nth));
    ASSERT_OK_AND_ASSIGN(LoopbackReceiver receiver, LoopbackReceiver::Open(options));
    ASSERT_OK(receiver.Request());
    ASSERT_OK(receiver.Send(PageBytes()));
    Status taken;
    failed = fault.During(nth, [&] { taken = receiver.Take(PageBytes()); });
    ASSERT_OK(failed);
    ASSERT_OK(taken);
    const bool fired =
        receiver.Zcrx().ArmEvent(receiver.Uring(), uapi::ZCRX_EVENT_COPY).has_value();
    late += fired ? 0 : 1;

    ASSERT_OK(receiver.Send(PageBytes()));
    for (int events = fired ? 2 : 1; events > 0;) {
      ASSERT_OK_AND_ASSIGN(const Completion next, receiver.Next());
      if (next.user_data == kEvent) --events;
    }
  }
  EXPECT_GT(late, 0) << "no allocation was of an event";
}

}  // namespace
}  // namespace zcrx
