// Apply() and DeclaredNic on a fake kernel: each driver's rules by name, and then any state from
// any other, with the process gone at any step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/nic/declared_nic.h"
#include "support/nic/features.h"
#include "support/nic/link.h"
#include "support/nic/state.h"
#include "test/unit/fake_kernel.h"
#include "test/unit/nic_states.h"

namespace zcrx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

const FakeDriver kGve = {
    .name = "gve", .has_hds_thresh = false, .keeps_useless_table = true, .numbers_rules = false};
const FakeDriver kBnxt = {.name = "bnxt_en",
                          .combined = true,
                          .jumbo_ring = true,
                          .refuses_split_off = true,
                          .hw_gro_needs_gro = true,
                          .split_follows_hw_gro = true,
                          .resets_drop_rules = true,
                          .numbers_rules = true};
const FakeDriver kMlx5 = {
    .name = "mlx5_core", .combined = true, .has_hds_thresh = false, .split_wants_hw_gro = true};
const FakeDriver kPlain = {.name = "plain", .has_rss = false, .has_hds_thresh = false};
const FakeDriver kStrict = {.name = "strict",
                            .split_forbids_hw_gro = true,
                            .hw_gro_needs_gro = true,
                            .split_follows_hw_gro = true,
                            .resets_drop_rules = true,
                            .loses_notifications = true};

Deadline Soon() { return Deadline::In(std::chrono::seconds(10)); }

Nic Open(FakeNic& fake, std::function<void()> before_change = {}) {
  return *Nic::Open(kFakeNicName, std::make_unique<FakeKernel>(fake, std::move(before_change)));
}

// `state` with what every test declares.
NicState Split(NicState state) {
  state.rings.tcp_data_split = TcpDataSplit::kEnabled;
  state.split_automatic = false;
  if (state.rings.hds_thresh) state.rings.hds_thresh = 0;
  return state;
}

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

// ---- any state, any stop ----

struct Killed {};

class AnyState {
 public:
  AnyState(const FakeDriver& driver, uint64_t seed) : fake_(driver), random_(seed) {}

  // Empty, or what went wrong.
  std::string Round() {
    {
      Nic somebodys = Open(fake_);
      for (uint64_t changes = Below(8); changes > 0; --changes) Change(somebodys);
    }
    Nic nic = Open(fake_, [this] {
      if (left_-- == 0) throw Killed();
    });
    left_ = UINT64_MAX;
    NicState found = *ReadNicState(nic);
    const TcpDataSplit split = fake_.split;
    const bool rss_is_drivers =
        fake_.up && fake_.rss && !fake_.rss_configured &&
        fake_.rss->table == DefaultRssTable(fake_.rss->table.size(), fake_.RxQueues());
    const bool split_on = found.rings.tcp_data_split == TcpDataSplit::kEnabled;
    if (split_on) found.split_automatic = ClaimSplit(nic).value_or(true);
    std::string problem = Run(nic, found);
    if (!problem.empty()) return problem;

    if (Below(2) == 0) fake_.providers = {0};
    Nic later = Open(fake_);
    const std::vector<std::string> differed = Differences(found, *ReadNicState(later));
    fake_.changes.clear();
    for (const Error& error : Apply(later, found, Soon()).errors) return "back: " + error.Text();
    for (const std::string& difference : Differences(found, *ReadNicState(later))) {
      return "back, yet: " + difference;
    }
    if (split_on && !fake_.driver.loses_notifications && fake_.split != split) {
      return "header split is not whose it was";
    }
    if (rss_is_drivers && fake_.rss_configured) return "the RSS table has become somebody's";
    if (const std::string what = NeedlesslyChanged(differed, found); !what.empty()) {
      return what + " changed without need";
    }
    fake_.changes.clear();
    std::ignore = Apply(later, found, Soon());
    return fake_.changes.empty() ? "" : "changed again: " + fake_.changes.begin()->first;
  }

 private:
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool Coin() { return Below(2) == 0; }
  template <typename T>
  T OneOf(std::initializer_list<T> values) {
    return values.begin()[Below(values.size())];
  }
  RssTable Table() {
    RssTable table(16);
    for (uint32_t& queue : table) queue = static_cast<uint32_t>(Below(fake_.RxQueues()));
    return table;
  }
  FlowRule Rule() {
    FlowRule rule = {.destination_port = static_cast<uint16_t>(Below(4)),
                     .location = static_cast<uint32_t>(Below(8))};
    rule.action = ToQueue{static_cast<uint32_t>(Below(4))};
    if (!fake_.contexts.empty() && Coin()) {
      rule.action = ToRssContext{fake_.contexts.begin()->first};
    }
    return rule;
  }

  // What costs a restart, and whether it was changed oftener than once where it `differed`.
  std::string NeedlesslyChanged(const std::vector<std::string>& differed, const NicState& found) {
    for (const auto& [what, sentence] :
         {std::pair("link", "link "), std::pair("mtu", "MTU "), std::pair("channels", "channels: "),
          std::pair("rings", "rings: "), std::pair("huge pages", "huge-pages ")}) {
      const bool needed =
          std::ranges::any_of(differed,
                              [&](const auto& text) { return text.starts_with(sentence); }) ||
          (what == std::string("rings") && found.split_automatic.has_value());
      if (fake_.changes[what] > (needed ? 1 : 0)) return what;
    }
    return "";
  }

  // By whoever; what is refused is refused.
  void Change(Nic& nic) {
    const auto four = [this] { return static_cast<uint32_t>(1 + Below(8)); };
    switch (Below(12)) {
      case 0:
        std::ignore = SetMtu(nic, OneOf({1400U, 1500U, 9000U}));
        return;
      case 1:
      case 2:
        std::ignore = AskForFeatures(
            nic, {{std::string(OneOf({kGro, kHwGro, kNtuple, kNtuple})), Coin() || Coin()}});
        return;
      case 3:
        std::ignore = SetChannels(nic, fake_.driver.combined ? ChannelsChange{.combined = four()}
                                                             : ChannelsChange{.rx = four()});
        return;
      case 4:
        std::ignore = SetRings(nic, {.rx = OneOf({256U, 511U, 1024U})});
        return;
      case 5:
        std::ignore = SetRings(nic, {.tcp_data_split = static_cast<TcpDataSplit>(Below(3))});
        return;
      case 6:
        std::ignore = SetRss(nic, {.table = Table()});
        return;
      case 7:
        std::ignore = SetRss(nic, {.key = std::vector<std::byte>(8, std::byte(Below(256)))});
        return;
      case 8:
        std::ignore = CreateRssContext(nic, Table());
        return;
      case 9:
      case 10:
        std::ignore = InsertFlowRule(nic, Rule());
        return;
      default:
        if (Below(4) == 0) std::ignore = SetAdminUp(nic, Coin());
        std::ignore = nic.GetKernel().SetHugePages(Below(3));
    }
  }

  NicState Wanted(const NicState& found) {
    NicState wanted = Coin() ? Split(found) : found;
    wanted.admin_up = true;
    if (Coin() && wanted.rss) wanted.rss->table = Table();
    if (Coin()) {
      wanted.rings.rx = OneOf({256U, 512U, 4096U});
      LeaveDerived(wanted.rings);
    }
    if (Coin()) {
      for (auto* const count : {&wanted.channels.rx, &wanted.channels.combined}) {
        if (*count) *count = static_cast<uint32_t>(**count + Below(3));
      }
    }
    if (Coin()) wanted.features["rx-ntuple-filter"] = {.active = true, .requested = true};
    if (Coin()) wanted.features["rx-gro"] = {.active = true, .requested = true};
    if (Below(4) == 0) wanted.mtu = OneOf({1500U, 9000U});
    if (Below(4) == 0) wanted.huge_pages = Below(4);
    return wanted;
  }

  // What a run does with the NIC, until it has done it or is gone.
  std::string Run(Nic& nic, const NicState& found) {
    if (Coin()) left_ = Below(24);
    try {
      DeclaredNic declared(nic, found);
      for (uint64_t steps = 1 + Below(4); steps > 0; --steps) {
        const Status set = declared.Declare(Wanted(found));
        if (!set && set.error().detail.contains("and then: ")) return set.error().Text();
        if (Coin()) std::ignore = declared.AddRule(Rule());
        if (Coin()) std::ignore = declared.AddContext(static_cast<uint32_t>(Below(4)));
        for (const std::string& difference : declared.PutRight().differences) {
          return "while it ran: " + difference;
        }
      }
    } catch (const Killed&) {
      left_ = UINT64_MAX;
    }
    return "";
  }

  FakeNic fake_;
  std::mt19937_64 random_;
  uint64_t left_ = UINT64_MAX;  // changes before it is gone
};

class AnyStateTest : public ::testing::TestWithParam<FakeDriver> {};

TEST_P(AnyStateTest, IsPutBackWhateverWasDeclaredAndWhereverTheRunEnded) {
  constexpr uint64_t kRounds = 20000;
  for (uint64_t seed = 0; seed < kRounds; ++seed) {
    const std::string problem = AnyState(GetParam(), seed).Round();
    ASSERT_EQ(problem, "") << GetParam().name << ", seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(, AnyStateTest, ::testing::Values(kGve, kBnxt, kMlx5, kPlain, kStrict),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace zcrx
