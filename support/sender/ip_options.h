// IP options and extension headers in every packet of a connection.
#pragma once

#include "support/base/result.h"
#include "support/sender/plan.h"

namespace zcrx {

// Before connect(): the SYN has them too. Those of IPv6 need CAP_NET_RAW (ipv6_set_opt_hdr() in
// net/ipv6/ipv6_sockglue.c); no receiver has anything to do for them.
Status SetIpOptions(int socket, int family, const SendPlan& plan);

}  // namespace zcrx
