#include "support/zcrx/probe.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "support/zcrx/ring.h"

namespace zcrx {
namespace {

template <typename Answer>
Result<Answer> Query(uapi::QueryOp op, const std::string& subject) {
  Answer answer = {};
  uapi::QueryHeader header = {};
  header.data = reinterpret_cast<uintptr_t>(&answer);
  header.op = op;
  header.size = sizeof(answer);
  // A question about the kernel, not a ring: descriptor -1, count 0.
  if (syscall(SYS_io_uring_register, -1, uapi::kRegisterQuery, &header, 0) < 0) {
    const int code = errno;
    return Fail("ask the kernel about " + subject, code,
                code == EINVAL ? "IORING_REGISTER_QUERY is unknown to it (before 6.18)" : "");
  }
  if (header.result < 0) {
    return Fail(
        "ask the kernel about " + subject, -header.result,
        header.result == -EOPNOTSUPP ? "IORING_REGISTER_QUERY is there, but has no answer" : "");
  }
  return answer;
}

}  // namespace

Result<ZcrxProbe> ProbeZcrx() {
  const Result<Ring> ring = Ring::Create(1, 2);
  if (!ring.has_value()) {
    const Error& error = ring.error();
    if (error.code == EPERM) return ZcrxProbe{ZcrxAccess::kIoUringDisabled, error.Text()};
    if (error.code == ENOSYS || error.code == EINVAL) {
      return ZcrxProbe{ZcrxAccess::kNoIoUring, error.Text()};
    }
    return std::unexpected(error);
  }
  uapi::IfqReg nothing = {};
  const auto answer = ring->Register(uapi::kRegisterZcrxIfq, &nothing, 1);
  const int code = answer.has_value() ? 0 : answer.error();
  switch (code) {
    case EFAULT:
      return ZcrxProbe{ZcrxAccess::kUsable,
                       "IORING_REGISTER_ZCRX_IFQ answered EFAULT to a request without a region"};
    case EPERM:
      return ZcrxProbe{ZcrxAccess::kNeedsCapNetAdmin,
                       "IORING_REGISTER_ZCRX_IFQ answered EPERM: needs CAP_NET_ADMIN in the "
                       "initial user namespace"};
    case EINVAL:
      return ZcrxProbe{ZcrxAccess::kNoZcrx,
                       "IORING_REGISTER_ZCRX_IFQ answered EINVAL: this kernel has no zcrx"};
    case EOPNOTSUPP:
      return ZcrxProbe{ZcrxAccess::kNoZcrx,
                       "IORING_REGISTER_ZCRX_IFQ answered EOPNOTSUPP: this kernel is built "
                       "without CONFIG_IO_URING_ZCRX"};
    default:
      return Fail("ask the kernel for zcrx", code,
                  "neither of the answers to a request without a region");
  }
}

Result<uapi::QueryZcrxAnswer> QueryZcrx() {
  return Query<uapi::QueryZcrxAnswer>(uapi::kQueryZcrx, "zcrx");
}

Result<uapi::QueryZcrxEventAnswer> QueryZcrxEvents() {
  return Query<uapi::QueryZcrxEventAnswer>(uapi::kQueryZcrxEvent, "zcrx events");
}

}  // namespace zcrx
