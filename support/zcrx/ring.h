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

// A completion, copied from the queue. `data` is set for those of RECV_ZC that bring any.
struct Completion {
  uint64_t user_data = 0;
  int32_t res = 0;
  uint32_t flags = 0;
  uapi::io_uring_zcrx_cqe data = {};

  [[nodiscard]] bool More() const { return (flags & IORING_CQE_F_MORE) != 0; }
};

class Ring {
 public:
  // What zcrx requires, in its usual form; entries beyond the kernel's limits are cut.
  static constexpr unsigned kFlags = IORING_SETUP_CQE32 | IORING_SETUP_SINGLE_ISSUER |
                                     IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CLAMP;
  // As kFlags, with completions of 16 or 32 bytes (6.18).
  static constexpr unsigned kMixedFlags =
      (kFlags & ~IORING_SETUP_CQE32) | uapi::IORING_SETUP_CQE_MIXED;

  // Creates a ring that holds `cq_entries` completions, rounded up to a power of two. The error's
  // detail says whether io_uring is disabled or the kernel is too old.
  static Result<Ring> Create(unsigned sq_entries, unsigned cq_entries, unsigned flags = kFlags);

  [[nodiscard]] int Fd() const { return ring_->ring_fd; }
  // Ends the ring; only destruction and assignment may follow.
  void Close() { ring_.reset(); }

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

  // Calls `handle(const io_uring_cqe&)` for every completion in the queue but fillers, then frees
  // them all.
  template <typename Handler>
  void Drain(Handler&& handle) {
    unsigned taken = 0;
    while (const io_uring_cqe* cqe = Peek(taken)) {
      if ((cqe->flags & uapi::IORING_CQE_F_SKIP) == 0) handle(*cqe);
      taken += Slots(*cqe);
    }
    io_uring_cq_advance(ring_.get(), taken);
  }
  // Waits for one completion, and takes only this off the queue. Fails with ETIMEDOUT.
  Result<Completion> Next(Deadline deadline);
  // Returns the upper half of a RECV_ZC completion.
  static uapi::io_uring_zcrx_cqe ZcrxPart(const io_uring_cqe& cqe);

 private:
  struct Exit {
    void operator()(io_uring* ring) const;
  };
  using Handle = std::unique_ptr<io_uring, Exit>;
  explicit Ring(Handle ring) : ring_(std::move(ring)) {}
  Handle ring_;
  // Returns the completion `ahead` slots behind the first one, null if there is none.
  [[nodiscard]] const io_uring_cqe* Peek(unsigned ahead) const;
  // Returns how many slots a completion takes: of a mixed ring one or two.
  [[nodiscard]] unsigned Slots(const io_uring_cqe& cqe) const {
    const bool mixed = (ring_->flags & uapi::IORING_SETUP_CQE_MIXED) != 0;
    return mixed && (cqe.flags & uapi::IORING_CQE_F_32) != 0 ? 2 : 1;
  }

  std::function<void(const std::function<void()>&)> around_;
};

// Fills in a receive request for `socket` into zcrx `id`. It is always multishot and takes no other
// fields than these (io_recvzc_prep() in io_uring/net.c). `limit`: bytes after which it ends, 0 for
// none.
void PrepareReceive(io_uring_sqe& sqe, int socket, uint32_t id, uint32_t limit, uint64_t user_data);

// Returns what disables io_uring for this process: "kernel.io_uring_disabled is 2".
std::string IoUringDisabledBy();

}  // namespace zcrx
