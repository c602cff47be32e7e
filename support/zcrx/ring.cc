#include "support/zcrx/ring.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

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

Result<Ring> Ring::Create(unsigned sq_entries, unsigned cq_entries) {
  io_uring_params params = {};
  params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CQE32 | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
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
