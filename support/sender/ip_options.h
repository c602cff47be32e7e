// IP options and extension headers in every packet of a connection.
#pragma once

#include "support/base/result.h"
#include "support/sender/plan.h"

namespace zcrx {

// Sets the options of `plan` on a socket, before connect() so that the SYN has them too. IPv6 ones
// need CAP_NET_RAW (ipv6_set_opt_hdr() in net/ipv6/ipv6_sockglue.c). They ask nothing of the
// receiver.
Status SetIpOptions(int socket, int family, const SendPlan& plan);

}  // namespace zcrx
