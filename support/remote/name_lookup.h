// Name lookup with a deadline.
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
// A list in the order in which getaddrinfo(3) recommends to try them; never empty.
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

// Returns the TCP addresses of `host`. An address literal needs no lookup. Fails with ETIMEDOUT or
// ECANCELED at the deadline, with code 0 if the resolver itself gave up (resolv.conf(5) has its
// limits).
Result<Addresses> LookUp(const std::string& host, uint16_t port, Deadline deadline);

}  // namespace zcrx
