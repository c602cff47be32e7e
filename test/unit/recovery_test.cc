// What is put back where a memory provider of a killed run, or of somebody else, stays: a fake
// kernel.
#include "support/guard/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "fixtures/result_matchers.h"
#include "support/nic/link.h"
#include "test/unit/fake_drivers.h"

namespace zcrx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Recovery, PutsBackWhatAProviderThatStaysDoesNotHold) {
  FakeNic fake(kGve);
  Nic nic = Open(fake);
  const NicState found = *ReadNicState(nic);
  ASSERT_OK(SetMtu(nic, 1400));
  fake.providers = {3};
  fake.providers_stay = true;
  Recovery recovery;
  EXPECT_OK(PutBackSettings(nic, found, recovery, Deadline::In(std::chrono::milliseconds(5))));
  EXPECT_THAT(recovery.differences, ElementsAre("MTU was 1500, is 1400"));
  ASSERT_FALSE(recovery.errors.empty());
  EXPECT_THAT(recovery.errors.front().Text(), HasSubstr("still bound: queue 3 (io_uring)"));
  EXPECT_THAT(Differences(found, *ReadNicState(nic)), IsEmpty());
}

}  // namespace
}  // namespace zcrx
