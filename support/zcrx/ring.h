// An io_uring instance of the kind zcrx needs: CQE32, DEFER_TASKRUN, SINGLE_ISSUER.
//
// Only the thread that made the ring may use it (SINGLE_ISSUER). Source of the rules:
// io_uring_setup(2), io_uring_register(2), io_register_zcrx() in io_uring/zcrx.c.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <memory>
#include <string>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/zcrx/uapi.h"

namespace zcrx {

class Ring {
 public:
  // `cq_entries`: completions the ring holds before the kernel has to wait (rounded up to a power
  // of two). The error's detail says whether io_uring is disabled or the kernel too old.
  static Result<Ring> Create(unsigned sq_entries, unsigned cq_entries);

  // io_uring_register(2) on this ring: the call's own value, or a positive errno.
  [[nodiscard]] std::expected<int, int> Register(unsigned opcode, void* argument,
                                                 unsigned count) const;
  // A cleared submission entry, submitted with the next wait, or before when all are taken.
  Result<io_uring_sqe*> NextSqe();
  // Submits, then waits until a completion is there; false when the deadline came first.
  Result<bool> SubmitAndWait(Deadline deadline);

  // Calls `handle(const io_uring_cqe&)` for every completion there, then frees them all.
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
  // The upper half of a completion of RECV_ZC.
  static uapi::io_uring_zcrx_cqe ZcrxPart(const io_uring_cqe& cqe);

 private:
  struct Exit {
    void operator()(io_uring* ring) const;
  };
  using Handle = std::unique_ptr<io_uring, Exit>;
  explicit Ring(Handle ring) : ring_(std::move(ring)) {}
  Handle ring_;
};

// Who forbids io_uring to this process: "kernel.io_uring_disabled is 2".
std::string IoUringDisabledBy();

}  // namespace zcrx
