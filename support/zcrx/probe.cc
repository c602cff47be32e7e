#include "support/zcrx/probe.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "support/zcrx/ring.h"

namespace zcrx {
namespace {

template <typename Answer>
Result<Answer> Query(uapi::io_uring_query_op op, const std::string& subject) {
  Answer answer = {};
  uapi::io_uring_query_hdr header = {};
  header.query_data = reinterpret_cast<uintptr_t>(&answer);
  header.query_op = op;
  header.size = sizeof(answer);
  // The query is about the kernel, not about a ring: descriptor -1, count 0.
  if (syscall(SYS_io_uring_register, -1, uapi::IORING_REGISTER_QUERY, &header, 0) < 0) {
    const int code = errno;
    return Fail("ask the kernel about " + subject, code,
                code == EINVAL ? "it does not know IORING_REGISTER_QUERY (before 6.18)" : "");
  }
  if (header.result < 0) {
    return Fail("ask the kernel about " + subject, -header.result,
                header.result == -EOPNOTSUPP
                    ? "IORING_REGISTER_QUERY exists, but does not answer this"
                    : "");
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
  uapi::io_uring_zcrx_ifq_reg nothing = {};
  const auto answer = ring->Register(uapi::IORING_REGISTER_ZCRX_IFQ, &nothing, 1);
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
                  "unexpected answer to a request without a region");
  }
}

Result<uapi::io_uring_query_opcode> QueryOpcodes() {
  return Query<uapi::io_uring_query_opcode>(uapi::IO_URING_QUERY_OPCODES, "its opcodes");
}

Result<uapi::io_uring_query_zcrx> QueryZcrx() {
  return Query<uapi::io_uring_query_zcrx>(uapi::IO_URING_QUERY_ZCRX, "zcrx");
}

Result<uapi::io_uring_query_zcrx_event> QueryZcrxEvents() {
  return Query<uapi::io_uring_query_zcrx_event>(uapi::IO_URING_QUERY_ZCRX_EVENT, "zcrx events");
}

}  // namespace zcrx
