#!/bin/bash
# Slurm's Epilog, by root on the node after a job: puts back each NIC that the job had. If one cannot
# be put back, the node is drained; the snapshot stays, and once the node is resumed the next job's
# Prolog tries again. It may be run any number of times, and killed at any time.
# shellcheck source-path=SCRIPTDIR source=rack.sh
. "$(dirname "$(readlink -f "$0")")/rack.sh" || exit 1

rm -rf "${jobs:?}/$job"  # a job that begins too late finds no NIC
for snapshot in "$snapshots/$job":*; do
  [[ -e $snapshot ]] || continue
  netif=${snapshot##*:}
  lock "$netif"
  # Another Epilog of this job may have been here meanwhile.
  [[ ! -e $snapshot ]] || put_back "$netif" "$job"
done
