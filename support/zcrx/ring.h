// An io_uring instance as zcrx needs it: CQE32, DEFER_TASKRUN, SINGLE_ISSUER.
//
// Must be used only by the thread that created it (SINGLE_ISSUER). Source of the rules:
// io_uring_setup(2), io_uring_register(2), io_register_zcrx() in io_uring/zcrx.c.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/zcrx/uapi.h"

namespace zcrx {

class Ring {
 public:
  // Creates a ring that holds `cq_entries` completions, rounded up to a power of two. The error's
  // detail says whether io_uring is disabled or the kernel is too old.
  static Result<Ring> Create(unsigned sq_entries, unsigned cq_entries);

  // Calls io_uring_register(2) on this ring. Returns its return value or a positive errno.
  [[nodiscard]] std::expected<int, int> Register(unsigned opcode, void* argument,
                                                 unsigned count) const;
  // Has further system calls of Register() made by `around`, which is passed the call.
  void SetAround(std::function<void(const std::function<void()>& call)> around) {
    around_ = std::move(around);
  }
  // Returns a zeroed submission entry. It is submitted with the next wait, or earlier if all
  // entries are taken.
  Result<io_uring_sqe*> NextSqe();
  // Submits all entries and waits for a completion. Returns false if the deadline passes first.
  Result<bool> SubmitAndWait(Deadline deadline);

  // Calls `handle(const io_uring_cqe&)` for every completion in the queue, then frees them all.
  template <typename Handler>
  void Drain(Handler&& handle) {
    unsigned head = 0;
    unsigned count = 0;
    const io_uring_cqe* cqe = nullptr;
    io_uring_for_each_cqe(ring_.get(), head, cqe) {
      handle(*cqe);
      ++count;
    }
    io_uring_cq_advance(ring_.get(), count);
  }
  // Returns the upper half of a RECV_ZC completion.
  static uapi::io_uring_zcrx_cqe ZcrxPart(const io_uring_cqe& cqe);

 private:
  struct Exit {
    void operator()(io_uring* ring) const;
  };
  using Handle = std::unique_ptr<io_uring, Exit>;
  explicit Ring(Handle ring) : ring_(std::move(ring)) {}
  Handle ring_;
  std::function<void(const std::function<void()>&)> around_;
};

// Returns what disables io_uring for this process: "kernel.io_uring_disabled is 2".
std::string IoUringDisabledBy();

}  // namespace zcrx
