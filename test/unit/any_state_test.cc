// Any state of a NIC is put back from any other on a fake kernel, wherever the process ended.
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "fixtures/result_matchers.h"
#include "support/nic/declared_nic.h"
#include "support/nic/features.h"
#include "support/nic/link.h"
#include "test/unit/fake_drivers.h"
#include "test/unit/nic_states.h"

namespace zcrx {
namespace {

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
          std::pair("rings", "rings: "), std::pair("huge pages", "huge-pages "),
          std::pair("keep-addr-on-down", "keep-addr-on-down ")}) {
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
        std::ignore = nic.GetKernel().SetKeepAddrOnDown(nic.Name(), OneOf({0U, 1U, ~0U}));
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
    if (Below(4) == 0) wanted.keep_addr_on_down = 1;
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
