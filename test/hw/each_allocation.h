// Goes through the allocations of a ring's system call: each fails once, in turn.
#pragma once

#include <gmock/gmock.h>

#include <cerrno>
#include <string>
#include <utility>

#include "fixtures/result_matchers.h"
#include "support/kernel/fail_nth.h"
#include "support/zcrx/ring.h"

namespace zcrx {

//   while (each.Next()) {
//     each.FailIn(ring);
//     each.Check(Ifq::Register(ring, options));
//   }
class EachAllocation {
 public:
  // Fails as FailNth::Open() does.
  static Result<EachAllocation> Open() {
    ZCRX_ASSIGN_OR_RETURN(FailNth fault, FailNth::Open());
    return EachAllocation(std::move(fault));
  }

  // Returns whether there may be another allocation. The last call has none left to fail.
  bool Next() {
    if (!std::exchange(failed_, false).value_or(false)) return false;
    ++nth_;
    return true;
  }
  // Has that allocation fail in the system calls that `ring` registers with. This outlives them.
  void FailIn(Ring& ring) {
    ring.SetAround([this](const auto& call) { failed_ = fault_.During(nth_, call); });
  }
  // Fails the test unless the call succeeded, or lacked the memory that it was refused.
  template <typename T>
  void Check(const Result<T>& result) const {
    ASSERT_OK(failed_);
    // The kernel may do without what it could not get. EFAULT: of the user's memory, which is
    // brought in to be pinned, a page was lacking (io_pin_pages() in io_uring/memmap.c).
    if (*failed_ && !result) {
      EXPECT_THAT(result, ::testing::AnyOf(FailsWith(ENOMEM), FailsWith(EFAULT)));
    } else {
      EXPECT_OK(result);
    }
  }
  [[nodiscard]] unsigned Nth() const { return nth_; }
  // Ends the test's report of it: fails the test if no allocation failed.
  void Report() const {
    ::testing::Test::RecordProperty("allocations", std::to_string(nth_ - 1));
    EXPECT_GT(nth_, 1U) << "no allocation failed";
  }

 private:
  explicit EachAllocation(FailNth fault) : fault_(std::move(fault)) {}

  FailNth fault_;
  unsigned nth_ = 0;
  Result<bool> failed_ = true;  // the allocation before
};

}  // namespace zcrx
