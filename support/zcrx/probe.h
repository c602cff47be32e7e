// What this kernel can do with zcrx, by its own answers, never by its version.
#pragma once

#include <cstdint>
#include <string>

#include "support/base/result.h"
#include "support/zcrx/uapi.h"

namespace zcrx {

enum class ZcrxAccess {
  kUsable,           // this process may register zcrx
  kIoUringDisabled,  // io_uring_setup: EPERM
  kNoIoUring,        // io_uring_setup: ENOSYS, or EINVAL to the flags zcrx needs
  kNoZcrx,           // IORING_REGISTER_ZCRX_IFQ: EINVAL (before 6.15) or EOPNOTSUPP (built without)
  kNeedsCapNetAdmin,  // IORING_REGISTER_ZCRX_IFQ: EPERM
};

struct ZcrxProbe {
  ZcrxAccess access;
  std::string evidence;  // "IORING_REGISTER_ZCRX_IFQ answered EINVAL: this kernel has no zcrx"
};

// Registers nothing: the request lacks its memory region, so the kernel that knows zcrx answers
// EFAULT before it looks for a device. Any other answer is an error ("cannot tell").
Result<ZcrxProbe> ProbeZcrx();

// IORING_REGISTER_QUERY. EINVAL: the kernel cannot be asked (before 6.18); EOPNOTSUPP: it can, and
// does not know the question (zcrx before 6.19, events before 7.2). The detail says which.
Result<uapi::io_uring_query_zcrx> QueryZcrx();
Result<uapi::io_uring_query_zcrx_event> QueryZcrxEvents();

}  // namespace zcrx
