// The life of a program on the peer: how a lease ends, and what it is to one that stood still.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "fixtures/result_matchers.h"
#include "support/base/unique_fd.h"
#include "support/sender/lease.h"

namespace zcrx {
namespace {

using namespace std::chrono_literals;

class LeaseTest : public ::testing::Test {
 protected:
  LeaseTest() {
    std::array<int, 2> fds{-1, -1};
    EXPECT_EQ(::pipe(fds.data()), 0);
    input_ = UniqueFd(fds[0]);
    caller_ = UniqueFd(fds[1]);
    lease_ = Of(1ms);
  }
  [[nodiscard]] Lease Of(std::chrono::milliseconds length) const { return {input_.Get(), length}; }
  // As one that stood still: looks at the lease when it has run out long ago.
  void LookLate() { std::this_thread::sleep_until(lease_.End().When() + 2 * Lease::kLate); }
  void SignOfLife() { ASSERT_EQ(::write(caller_.Get(), "\n", 1), 1); }
  [[nodiscard]] Status Holds() { return lease_.Holds("wait"); }
  [[nodiscard]] Status Read() { return lease_.Read("wait"); }

  UniqueFd input_;
  UniqueFd caller_;
  Lease lease_{-1, 0ms};
};

TEST_F(LeaseTest, WaitsForWhatIsOnItsWayToOneThatLooksLate) {
  LookLate();
  EXPECT_OK(Holds());
  SignOfLife();
  EXPECT_OK(Read());
  LookLate();
  EXPECT_OK(Holds()) << "each sign of life begins anew";
}

// A caller that has gone is to be noticed, however slow the machine is.
TEST_F(LeaseTest, WaitsForItButOnceAndNotAsLongAsALease) {
  lease_ = Of(2 * Lease::kLate);
  LookLate();
  const auto looked = Deadline::Clock::now();
  EXPECT_OK(Holds());
  EXPECT_LE(lease_.End().When() - Deadline::Clock::now(), Lease::kLate);
  EXPECT_GE(lease_.End().When() - looked, Lease::kLate);
  LookLate();
  EXPECT_THAT(Holds(), FailsWith(ECANCELED));
}

TEST_F(LeaseTest, EndsWithItsCaller) {
  caller_.Reset();
  EXPECT_THAT(Read(), FailsWith(ECANCELED));
}

}  // namespace
}  // namespace zcrx
