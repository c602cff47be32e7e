// The addresses of a name, by a deadline.
#pragma once

#include <netdb.h>

#include <cstdint>
#include <memory>
#include <string>

#include "support/base/deadline.h"
#include "support/base/result.h"

namespace zcrx {

struct FreeAddresses {
  void operator()(addrinfo* first) const { ::freeaddrinfo(first); }
};
// A list, in the order in which getaddrinfo(3) wants them tried; never empty.
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

// For TCP. An address is its own name, and asks nobody. ETIMEDOUT or ECANCELED at the deadline;
// code 0 where the resolver itself gave up (resolv.conf(5) has its limits).
Result<Addresses> LookUp(const std::string& host, uint16_t port, Deadline deadline);

}  // namespace zcrx
