#include "support/zcrx/ring.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "support/base/wait.h"

namespace zcrx {
namespace {

std::string WhySetupFailed(int code) {
  switch (code) {
    case EPERM:
      return IoUringDisabledBy();
    case ENOSYS:
      return "this kernel is built without io_uring";
    case EINVAL:
      return "this kernel is too old for DEFER_TASKRUN and CQE32, which zcrx needs";
    case ENOMEM:
      return "RLIMIT_MEMLOCK is too low, or too little memory is free";
    default:
      return {};
  }
}

}  // namespace

void Ring::Exit::operator()(io_uring* ring) const {
  io_uring_queue_exit(ring);
  delete ring;
}

Result<Ring> Ring::Create(unsigned sq_entries, unsigned cq_entries, unsigned flags) {
  io_uring_params params = {};
  params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | flags;
  params.cq_entries = cq_entries;
  auto ring = std::make_unique<io_uring>();
  if (const int status = io_uring_queue_init_params(sq_entries, ring.get(), &params); status < 0) {
    return Fail("set up io_uring", -status, WhySetupFailed(-status));
  }
  return Ring(Handle(ring.release()));
}

std::expected<int, int> Ring::Register(unsigned opcode, void* argument, unsigned count) const {
  std::expected<int, int> answer = std::unexpected(ECANCELED);
  const auto call = [&] {
    const auto returned = syscall(SYS_io_uring_register, ring_->ring_fd, opcode, argument, count);
    if (returned < 0) {
      answer = std::unexpected(errno);
    } else {
      answer = static_cast<int>(returned);
    }
  };
  if (around_) {
    around_(call);
  } else {
    call();
  }
  return answer;
}

Result<io_uring_sqe*> Ring::NextSqe() {
  io_uring_sqe* sqe = io_uring_get_sqe(ring_.get());
  if (sqe == nullptr) {
    if (const int status = io_uring_submit(ring_.get()); status < 0) {
      return Fail("submit requests", -status);
    }
    sqe = io_uring_get_sqe(ring_.get());
  }
  if (sqe == nullptr) return Fail("queue a request", EBUSY, "the submission queue is full");
  *sqe = {};
  return sqe;
}

Result<bool> Ring::SubmitAndWait(Deadline deadline) {
  while (true) {
    const timespec left = deadline.RemainingTimespec();
    __kernel_timespec timeout = {.tv_sec = left.tv_sec, .tv_nsec = left.tv_nsec};
    io_uring_cqe* cqe = nullptr;
    sigset_t* const mask = const_cast<sigset_t*>(Interruption::WaitMask());  // not written
    const int status = io_uring_submit_and_wait_timeout(ring_.get(), &cqe, 1, &timeout, mask);
    if (io_uring_cq_ready(ring_.get()) != 0) return true;
    if (status == -ETIME || deadline.Expired()) return false;
    if (status < 0 && status != -EINTR) return Fail("wait for completions", -status);
  }
}

const io_uring_cqe* Ring::Peek(unsigned ahead) const {
  const io_uring_cq& queue = ring_->cq;
  const unsigned head = *queue.khead + ahead;
  if (static_cast<int>(io_uring_smp_load_acquire(queue.ktail) - head) <= 0) return nullptr;
  const unsigned wide = (ring_->flags & IORING_SETUP_CQE32) != 0 ? 1 : 0;
  return &queue.cqes[(head & *queue.kring_mask) << wide];
}

Result<Completion> Ring::Next(Deadline deadline) {
  while (true) {
    if (const io_uring_cqe* const cqe = Peek(0)) {
      const bool filler = (cqe->flags & uapi::IORING_CQE_F_SKIP) != 0;
      Completion next = {.user_data = cqe->user_data, .res = cqe->res, .flags = cqe->flags};
      const bool wide =
          (ring_->flags & IORING_SETUP_CQE32) != 0 || (cqe->flags & uapi::IORING_CQE_F_32) != 0;
      if (wide) next.data = ZcrxPart(*cqe);
      io_uring_cq_advance(ring_.get(), Slots(*cqe));
      if (!filler) return next;
      continue;
    }
    ZCRX_ASSIGN_OR_RETURN(const bool there, SubmitAndWait(deadline));
    if (!there) return FailExpired("wait for a completion");
  }
}

void PrepareReceive(io_uring_sqe& sqe, int socket, uint32_t id, uint32_t limit,
                    uint64_t user_data) {
  io_uring_prep_rw(uapi::IORING_OP_RECV_ZC, &sqe, socket, nullptr, limit, 0);
  sqe.ioprio = IORING_RECV_MULTISHOT;
  sqe.file_index = id;  // in a union with zcrx_ifq_idx
  sqe.user_data = user_data;
}

uapi::io_uring_zcrx_cqe Ring::ZcrxPart(const io_uring_cqe& cqe) {
  uapi::io_uring_zcrx_cqe part;
  std::memcpy(&part, cqe.big_cqe, sizeof(part));
  return part;
}

std::string IoUringDisabledBy() {
  std::ifstream file("/proc/sys/kernel/io_uring_disabled");
  int value = 0;
  if (!(file >> value)) return "forbidden, and kernel.io_uring_disabled cannot be read";
  if (value == 0) return "kernel.io_uring_disabled is 0: seccomp or a security module forbids it";
  return fmt::format("kernel.io_uring_disabled is {}", value);
}

}  // namespace zcrx
