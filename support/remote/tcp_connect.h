// TCP connections with a deadline.
#pragma once

#include <cstdint>
#include <string>

#include "support/base/deadline.h"
#include "support/base/result.h"
#include "support/base/unique_fd.h"

namespace zcrx {

// Connects to the first address of `host` that accepts. If none does, returns the last one's error.
Result<UniqueFd> TcpConnect(const std::string& host, uint16_t port, Deadline deadline);

}  // namespace zcrx
