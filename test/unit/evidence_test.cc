// That evidence is gathered once, and that verdict, causes and report rest on it.
#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>

#include <chrono>
#include <climits>

#include "fixtures/evidence/is_proven.h"
#include "fixtures/evidence/nic_report.h"
#include "fixtures/evidence/witnesses.h"
#include "fixtures/result_matchers.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint32_t kQueue = 3;
constexpr uint64_t kBytes = 1428;
const std::vector<RxQueueStats> kBefore = {{.queue = kQueue, .packets = 1, .bytes = 100}};
const std::vector<RxQueueStats> kAfter = {{.queue = kQueue, .packets = 9, .bytes = 9000}};
constexpr uint32_t kOther = 1;
const std::vector<RxQueueStats> kOnOther = {kBefore[0],
                                            {.queue = kOther, .packets = 8, .bytes = 8900}};

// A segment that is not split at the first look, and is at any further one.
struct Kernel {
  int rules = 0;
  int rings = 0;
  int unvouched = 0;
  int packets = 0;
  int queues = 0;
  int follows_at = 1;       // that look at the queue statistics
  uint32_t queue = kQueue;  // where the segment arrives

  Sources AsSources() {
    Sources sources;
    sources.rules = [this] {
      return ++rules == 1 ? std::vector<uint32_t>{} : std::vector<uint32_t>{12};
    };
    sources.rings = [this] {
      return Rings{.tcp_data_split =
                       ++rings == 1 ? TcpDataSplit::kDisabled : TcpDataSplit::kEnabled};
    };
    sources.unvouched = [this] { return ++unvouched == 1 ? uint64_t{2} : uint64_t{0}; };
    sources.packets = [this] {
      const uint32_t linear = ++packets == 1 ? 100 : 72;
      return TracedPackets{
          .packets = {
              {.queue = queue, .hash = 7, .length = 72, .linear = 72, .protocol = ETH_P_IPV6},
              {.queue = queue,
               .hash = 7,
               .length = 72 + kBytes,
               .linear = linear,
               .protocol = ETH_P_IPV6}}};
    };
    sources.queues = [this] {
      if (++queues < follows_at) return kBefore;
      return queue == kQueue ? kAfter : kOnOther;
    };
    return sources;
  }
};

Evidence Known(Claim claim) {
  return {.claim = claim,
          .flow = {.to = "[2001:db8::1]:5201", .queue = kQueue, .rule = 12},
          .received = {.bytes = kBytes}};
}

TEST(Gather, VerdictCausesAndReportRestOnOneGathering) {
  Kernel kernel;
  const Evidence evidence = Gather(kernel.AsSources(), kBefore, Known(Claim::kInPlace));
  const Judgement judgement = Judge(evidence);
  EXPECT_THAT(
      judgement.holds,
      FailsWithText(AllOf(HasSubstr("1428 bytes of payload in 1 segments arrived on queue 3, "
                                    "1 of 1 segments not split"),
                          HasSubstr("a NIC must vouch"))));
  EXPECT_THAT(judgement.causes,
              ElementsAre("rule 12 was accepted, but is not in the NIC's list",
                          "header split was on, and is off now",
                          HasSubstr("linear bytes in 1 of 1 segments"),
                          HasSubstr("the kernel dropped 2 segments for their TCP checksum")));
  EXPECT_THAT(Tell(evidence), AllOf(HasSubstr("since then: queue 3: 8 packets, 8900 bytes"),
                                    HasSubstr("1 segments, 1428 bytes of payload, 1 not split")));
  for (const int asked :
       {kernel.rules, kernel.rings, kernel.unvouched, kernel.packets, kernel.queues}) {
    EXPECT_EQ(asked, 1);
  }
}

TEST(Gather, WaitsForQueueStatisticsThatLagBehind) {
  for (const Claim claim : {Claim::kInPlace, Claim::kNothing}) {
    Kernel kernel = {.follows_at = 3};
    const Evidence evidence = Gather(kernel.AsSources(), kBefore, Known(claim));
    EXPECT_EQ(evidence.queues, Since(kBefore, kAfter));
    EXPECT_EQ(kernel.queues, 3);
    EXPECT_EQ(kernel.packets, 1);
  }
}

// Nothing more is to come, though the claim is refuted.
TEST(Gather, WaitsNoLongerThanForWhatWasTraced) {
  for (const int follows_at : {1, 3}) {
    Kernel kernel = {.follows_at = follows_at, .queue = kOther};
    const Evidence evidence = Gather(kernel.AsSources(), kBefore, Known(Claim::kInPlace));
    EXPECT_EQ(evidence.queues, Since(kBefore, kOnOther));
    EXPECT_EQ(kernel.queues, follows_at);
    EXPECT_THAT(Judge(evidence).holds,
                FailsWithText(HasSubstr("queue statistics: 1428 bytes of payload were steered")));
  }
}

TEST(Gather, CountersThatNeverFollowAreEvidence) {
  Kernel kernel = {.follows_at = INT_MAX};
  const Evidence evidence =
      Gather(kernel.AsSources(), kBefore, Known(Claim::kNothing), Deadline::In(5ms));
  EXPECT_THAT(Judge(evidence).causes, Contains(HasSubstr("the counters of queue 3 did not move")));
}

TEST(Gather, KeepsErrorsAsValues) {
  Kernel kernel;
  Sources sources = kernel.AsSources();
  sources.rules = [] { return Fail("no rules", EOPNOTSUPP); };
  sources.rings = [] { return Fail("no rings", EOPNOTSUPP); };
  sources.packets = [] { return Fail("no trace", EPERM); };
  const auto not_counted = Fail("no statistics", EOPNOTSUPP);
  const Evidence evidence = Gather(sources, not_counted, Known(Claim::kInPlace));
  EXPECT_TRUE(evidence.rule_listed);
  EXPECT_FALSE(evidence.rings.has_value());
  EXPECT_THAT(evidence.packets, FailsWith(EPERM));
  EXPECT_THAT(evidence.queues, FailsWith(EOPNOTSUPP));
  EXPECT_EQ(kernel.queues, 0) << "there is nothing to compare with";
}

// EXPECT_THAT asks a matcher that has failed once more.
TEST(IsProven, ExplainsTheOnlyProof) {
  static int proofs;
  proofs = 0;
  EXPECT_NONFATAL_FAILURE(EXPECT_THAT(Received{.bytes = 5},
                                      IsProven("arrived in place",
                                               [](const Received& received) -> Status {
                                                 return Fail(fmt::format("proof {} of {} bytes",
                                                                         ++proofs, received.bytes));
                                               })),
                          "Expected: arrived in place\n  Actual: 5 bytes in 0 completions (of type "
                          "zcrx::Received), proof 1 of 5 bytes");
  EXPECT_EQ(proofs, 1);
  EXPECT_THAT(Received{}, IsProven("arrived", [](const Received&) { return Status(); }));
}

}  // namespace
}  // namespace zcrx
