// What this kernel can do with zcrx. Always asks the kernel, never compares versions.
#pragma once

#include <cstdint>
#include <string>

#include "support/base/result.h"
#include "support/zcrx/uapi.h"

namespace zcrx {

enum class ZcrxAccess {
  kUsable,           // this process may register zcrx
  kIoUringDisabled,  // io_uring_setup: EPERM
  kNoIoUring,        // io_uring_setup: ENOSYS, or EINVAL for the flags zcrx needs
  kNoZcrx,           // IORING_REGISTER_ZCRX_IFQ: EINVAL (before 6.15) or EOPNOTSUPP (built without)
  kNeedsCapNetAdmin,  // IORING_REGISTER_ZCRX_IFQ: EPERM
};

struct ZcrxProbe {
  ZcrxAccess access;
  std::string evidence;  // "IORING_REGISTER_ZCRX_IFQ answered EINVAL: this kernel has no zcrx"
};

// Asks whether this process may register zcrx. Nothing is registered: the request has no memory
// region, so a kernel with zcrx answers EFAULT before it looks up the device. Fails on an answer
// that matches no ZcrxAccess.
Result<ZcrxProbe> ProbeZcrx();

// Returns the answer of IORING_REGISTER_QUERY. Fails with EINVAL if the kernel has no queries
// (before 6.18), with EOPNOTSUPP if it does not know this one (zcrx before 6.19, events before
// 7.2). The error's detail says which.
Result<uapi::io_uring_query_opcode> QueryOpcodes();
Result<uapi::io_uring_query_zcrx> QueryZcrx();
Result<uapi::io_uring_query_zcrx_event> QueryZcrxEvents();

}  // namespace zcrx
