// Apply() and DeclaredNic on a fake kernel: each driver's rules by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/nic/declared_nic.h"
#include "support/nic/features.h"
#include "support/nic/link.h"
#include "support/nic/queues.h"
#include "support/nic/state.h"
#include "test/unit/fake_drivers.h"
#include "test/unit/nic_states.h"

namespace zcrx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class ApplyTest : public ::testing::Test {
 protected:
  // A NIC of that driver, as it is at boot.
  void Plug(const FakeDriver& driver) {
    fake_ = std::make_unique<FakeNic>(driver);
    nic_.emplace(Open(*fake_));
    found_ = *ReadNicState(*nic_);
  }
  [[nodiscard]] std::vector<std::string> Errors(const NicState& wanted) {
    std::vector<std::string> texts;
    for (const Error& error : Apply(*nic_, wanted, Soon()).errors) texts.push_back(error.Text());
    return texts;
  }

  std::unique_ptr<FakeNic> fake_;
  std::optional<Nic> nic_;
  NicState found_;
};

TEST_F(ApplyTest, WhatIsSoAlreadyIsLeftAlone) {
  for (const FakeDriver& driver : {kGve, kBnxt, kMlx5, kPlain, kStrict}) {
    Plug(driver);
    EXPECT_THAT(Errors(found_), IsEmpty());
    EXPECT_THAT(Errors(Split(found_)), IsEmpty());
    fake_->changes.clear();
    EXPECT_THAT(Errors(Split(found_)), IsEmpty());
    EXPECT_THAT(fake_->changes, IsEmpty()) << driver.name;
  }
}

TEST_F(ApplyTest, AllRingsChangeAtOnce) {
  Plug(kBnxt);
  NicState small = Split(found_);
  small.rings.rx = 256;
  LeaveDerived(small.rings);
  EXPECT_THAT(Errors(small), IsEmpty());
  EXPECT_THAT(fake_->changes, ElementsAre(Pair("rings", 1)));
  EXPECT_EQ(fake_->rings.rx_jumbo, 1024U);
  // bnxt does not take "off": left to choose, it has it off.
  EXPECT_THAT(Errors(found_), IsEmpty());
  EXPECT_THAT(fake_->changes, ElementsAre(Pair("rings", 2)));
  EXPECT_EQ(fake_->split, TcpDataSplit::kUnknown);
}

// en_ethtool.c and en_main.c of mlx5.
TEST_F(ApplyTest, HardwareGroGoesOnBeforeHeaderSplitThatNeedsItAndOffAfterIt) {
  Plug(kMlx5);
  EXPECT_THAT(Errors(Split(found_)), IsEmpty());
  EXPECT_TRUE(fake_->features.at("rx-gro-hw").active);
  EXPECT_EQ(fake_->split, TcpDataSplit::kEnabled);
  EXPECT_THAT(Errors(found_), IsEmpty());
  EXPECT_FALSE(fake_->features.at("rx-gro-hw").active);
  // "off" is asked for beside header split too, which the driver notes, and keeps it on; so once
  // header split is gone, it has to be asked for anew.
  EXPECT_THAT(fake_->changes, UnorderedElementsAre(Pair("features", 4), Pair("rings", 2)));
}

TEST_F(ApplyTest, HardwareGroThatIsFixedIsLeftAlone) {
  Plug(kMlx5);
  fake_->features.at("rx-gro-hw").changeable = false;
  EXPECT_THAT(Errors(Split(found_)),
              Contains(HasSubstr("set rings of eth1 (tcp-data-split on): Invalid argument")));
  EXPECT_THAT(fake_->changes, IsEmpty());
}

TEST_F(ApplyTest, HeaderSplitOfTheDriversChoiceIsLeftToItAgain) {
  Plug(kBnxt);
  ASSERT_OK(AskForFeatures(*nic_, {{"rx-gro-hw", true}}));
  ASSERT_OK_AND_ASSIGN(NicState found, ReadNicState(*nic_));
  ASSERT_EQ(found.rings.tcp_data_split, TcpDataSplit::kEnabled);
  EXPECT_THAT(ClaimSplit(*nic_), IsOkAndHolds(true));
  EXPECT_THAT(ClaimSplit(*nic_), IsOkAndHolds(false));
  found.split_automatic = true;
  EXPECT_THAT(Errors(found), IsEmpty());
  EXPECT_EQ(fake_->split, TcpDataSplit::kUnknown);
  // What was configured stays so.
  found.split_automatic = false;
  EXPECT_THAT(Errors(found), IsEmpty());
  EXPECT_EQ(fake_->split, TcpDataSplit::kEnabled);
}

TEST_F(ApplyTest, ThatNobodyHeardOfAChangeIsNoAnswer) {
  Plug(kStrict);
  ASSERT_OK(AskForFeatures(*nic_, {{"rx-gro-hw", true}}));
  EXPECT_THAT(ClaimSplit(*nic_), FailsWith(ENOBUFS));
}

TEST_F(ApplyTest, RulesAndContextsGoBeforeTheQueuesThatTheyLeadTo) {
  Plug(kBnxt);
  NicState wanted = Split(found_);
  wanted.channels.combined = 8;
  wanted.features["rx-ntuple-filter"] = {.active = true, .requested = true};
  DeclaredNic declared(*nic_, found_);
  ASSERT_OK(declared.Declare(wanted));
  ASSERT_OK_AND_ASSIGN(const uint32_t context, declared.AddContext(7));
  ASSERT_OK(declared.AddRule({.destination_port = 80, .action = ToRssContext{context}}));
  ASSERT_OK(declared.AddRule({.destination_port = 81, .action = ToQueue{6}}));
  EXPECT_THAT(DeleteRssContext(*nic_, context), FailsWith(EBUSY));
  EXPECT_THAT(SetChannels(*nic_, {.combined = 4}), FailsWith(EINVAL));
  EXPECT_THAT(declared.PutBack().errors, IsEmpty());
  EXPECT_THAT(fake_->contexts, IsEmpty());
  EXPECT_EQ(fake_->RxQueues(), 4U);
}

TEST_F(ApplyTest, ARuleThatTheDriverDroppedIsMissedAndPutBack) {
  Plug(kBnxt);
  NicState wanted = found_;
  wanted.features["rx-ntuple-filter"] = {.active = true, .requested = true};
  DeclaredNic declared(*nic_, found_);
  ASSERT_OK(declared.Declare(wanted));
  ASSERT_OK(declared.AddRule({.destination_port = 80, .action = ToQueue{1}}));
  EXPECT_THAT(declared.PutRight().differences, IsEmpty());
  fake_->rules.clear();
  const DeclaredNic::Restored restored = declared.PutRight();
  EXPECT_THAT(restored.differences,
              ElementsAre("flow rule 0 is gone (tcp6 dst-port 80 to queue 1)"));
  EXPECT_THAT(restored.errors, IsEmpty());
  EXPECT_EQ(fake_->rules.size(), 1U);
}

TEST_F(ApplyTest, WhatSomebodyElseChangedIsToldAndPutRight) {
  Plug(kGve);
  DeclaredNic declared(*nic_, found_);
  ASSERT_OK(SetMtu(*nic_, 1400));
  EXPECT_THAT(declared.Declare(Split(found_)),
              FailsWithText(HasSubstr("eth1 was not as declared: MTU was 1500, is 1400")));
  EXPECT_EQ(fake_->mtu, 1500U);
  EXPECT_THAT(declared.Declare(Split(found_)), IsOk());
  ASSERT_OK(SetMtu(*nic_, 1400));
  const DeclaredNic::Restored restored = declared.PutBack();
  EXPECT_THAT(restored.differences, ElementsAre("MTU was 1500, is 1400"));
  EXPECT_THAT(restored.errors, IsEmpty());
  EXPECT_THAT(Differences(found_, *ReadNicState(*nic_)), IsEmpty());
}

TEST_F(ApplyTest, HugePagesGoBackAfterEveryTest) {
  Plug(kGve);
  fake_->huge_pages = 3;
  DeclaredNic declared(*nic_, *ReadNicState(*nic_));
  ASSERT_OK(declared.ReserveHugePages(8));
  EXPECT_EQ(fake_->huge_pages, 8U);
  EXPECT_TRUE(nic_->GetKernel().HasHugePages());
  const DeclaredNic::Restored restored = declared.PutRight();
  EXPECT_THAT(restored.differences, IsEmpty());
  EXPECT_THAT(restored.errors, IsEmpty());
  EXPECT_EQ(fake_->huge_pages, 3U);
  EXPECT_FALSE(nic_->GetKernel().HasHugePages());
  ASSERT_OK(declared.ReserveHugePages(8));
  EXPECT_THAT(declared.PutBack().errors, IsEmpty());
  EXPECT_EQ(fake_->huge_pages, 3U);
  EXPECT_FALSE(nic_->GetKernel().HasHugePages());
}

// An area that was just closed had all of them.
TEST_F(ApplyTest, HugePagesThatComeBackAreEnough) {
  Plug(kGve);
  fake_->huge_pages = 8;
  fake_->huge_pages_leaving = 8;
  DeclaredNic declared(*nic_, *ReadNicState(*nic_));
  EXPECT_OK(declared.ReserveHugePages(8));
  EXPECT_EQ(fake_->huge_pages, 8U);
}

TEST_F(ApplyTest, HugePagesOfARunOnAnotherNicAreLeftAlone) {
  Plug(kGve);
  const NicState found = *ReadNicState(*nic_);
  DeclaredNic declared(*nic_, found);
  fake_->others_have_huge_pages = true;
  fake_->huge_pages = 32;
  EXPECT_THAT(declared.ReserveHugePages(8), FailsWith(ETIMEDOUT));
  EXPECT_THAT(declared.PutRight().differences, IsEmpty());
  ASSERT_OK(SetMtu(*nic_, 1400));
  EXPECT_THAT(declared.PutBack().differences, ElementsAre("MTU was 1500, is 1400"));
  EXPECT_EQ(fake_->huge_pages, 32U);
  fake_->others_have_huge_pages = false;  // somebody else, then
  EXPECT_THAT(Differences(found, *ReadNicState(*nic_)), ElementsAre("huge-pages was 0, is 32"));
}

TEST_F(ApplyTest, NoRingChangesUnderAProviderAndRulesDo) {
  Plug(kGve);
  fake_->features.at("rx-ntuple-filter").active = true;
  fake_->providers = {3};
  EXPECT_THAT(SetRings(*nic_, {.rx = 256}), FailsWith(EINVAL));
  DeclaredNic declared(*nic_, *ReadNicState(*nic_));
  ASSERT_OK(declared.AddRule({.destination_port = 80, .action = ToQueue{3}}));
  EXPECT_THAT(declared.PutRight().differences, IsEmpty());
  EXPECT_THAT(fake_->providers, ElementsAre(3U)) << "nobody looked whether it has left";
  ASSERT_OK(declared.Declare(Split(declared.Found())));
  EXPECT_THAT(fake_->providers, IsEmpty());
}

// The kernel shows none of a NIC that is down.
TEST_F(ApplyTest, AProviderOfANicThatIsDownIsAwaitedOnceItIsUp) {
  Plug(kGve);
  ASSERT_OK(SetAdminUp(*nic_, false));
  fake_->providers = {3};
  EXPECT_THAT(Errors(Split(found_)), IsEmpty());
  EXPECT_THAT(fake_->providers, IsEmpty());
}

TEST_F(ApplyTest, AProviderThatStaysEndsTheWaitAtItsDeadline) {
  Plug(kGve);
  fake_->providers = {3};
  fake_->providers_stay = true;
  EXPECT_OK(WaitForProviderGone(*nic_, 2, Soon()));
  for (const Status& wait :
       {WaitForProviderGone(*nic_, 3, Deadline::In(std::chrono::milliseconds(5))),
        WaitForAllProvidersGone(*nic_, Deadline::In(std::chrono::milliseconds(5)))}) {
    EXPECT_THAT(wait, FailsWith(ETIMEDOUT));
    EXPECT_THAT(wait, FailsWithText(HasSubstr("still bound: queue 3 (io_uring)")));
  }
}

TEST_F(ApplyTest, AStateThatIsRefusedChangesNothing) {
  Plug(kGve);
  DeclaredNic declared(*nic_, found_);
  ASSERT_OK(declared.Declare(Split(found_)));
  NicState wanted = found_;
  wanted.mtu = 1400;
  wanted.rings.rx = 4096;
  EXPECT_THAT(declared.Declare(wanted),
              FailsWithText(HasSubstr("set rings of eth1 (rx 4096): Invalid argument (EINVAL)")));
  EXPECT_EQ(fake_->mtu, 1500U);
  EXPECT_THAT(declared.PutRight().differences, IsEmpty());
}

}  // namespace
}  // namespace zcrx
