#!/bin/sh
# Runs in the DUT, which has two NICs: ctest with both as its resources, for the entries that match
# $1. /share has what is installed, and the host's ctest with its libraries.
# shellcheck source=test/lab/cases.sh
. /share/cases.sh
export PATH=/share/usr/bin:/bin:/usr/sbin
export ZCRX_NICS=/etc/zcrx-hwtest/net.config:/etc/zcrx-hwtest/nic1.config

# A copy, as its log goes beside the entries.
cp -r /share/usr/share/zcrx-hwtest/ctest /results || exit
cd /results/ctest || exit

on_both() { # on_both COMMAND...: of zcrx_nic's, with a file for each NIC
  zcrx_nic --netif=nic0 "$@" /tmp/nic0 && zcrx_nic --netif=nic1 "$@" /tmp/nic1
}
run() { LD_LIBRARY_PATH=/share/ctest ctest --output-on-failure "$@"; }

on_both snapshot || exit
case_of resources zcrx_nic ctest-resources
zcrx_nic ctest-resources >resources.json
case_of both run --parallel 2 --resource-spec-file resources.json --tests-regex "$1"
case_of as_found on_both diff
case_of unallotted run --tests-regex '^hw.ZcrxReceive$'
case_of as_found_again on_both diff
