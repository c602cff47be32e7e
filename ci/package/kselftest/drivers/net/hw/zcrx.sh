#!/bin/sh
# The suite as one of the kernel's selftests, with a result for each of its tests. NETIF and so on
# come from the environment or from net.config beside this, more arguments from
# KSELFTEST_ZCRX_SH_ARGS.
exec zcrx_tests --tap "$@"
