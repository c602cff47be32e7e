// A TCP connection by a deadline, to the first of a name's addresses that takes it.
#pragma once

#include <cstdint>
#include <string>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

// With several addresses the error is the last one's.
Result<UniqueFd> TcpConnect(const std::string& host, uint16_t port, Deadline deadline);

}  // namespace zcrx
