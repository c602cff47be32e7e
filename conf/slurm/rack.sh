# shellcheck shell=bash
# What prolog.sh and epilog.sh share. A pair (a NIC of this node and the peer on its cable) is the
# GRES zcrx:TYPE, and $pairs/TYPE.config is its net.config. Of a running job there are
#   $jobs/JOB/TYPE.config     for the batch script
#   $snapshots/JOB:NETIF      the NIC as the job found it; there until it has been put back
# All of it is below /run, because no snapshot counts after a reboot.
set -uo pipefail
PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL=C
unset NETIF

pairs=${ZCRX_PAIRS:-/etc/zcrx-hwtest/pairs}
run=${ZCRX_RUN:-/run/zcrx-hwtest}
jobs=$run/jobs
snapshots=$run/snapshots
node=${SLURMD_NODENAME:?is set by slurmd}
job=${SLURM_JOB_ID:?is set by slurmd}
# Several times less than PrologEpilogTimeout in zcrx.conf: a script may wait for several things.
wait_s=30
: "$pairs" "$jobs"

# Drains the node with a sentence as its reason, and ends. The exit status alone would drain it too,
# but as "Prolog error" or "Epilog error"; Slurm keeps the reason that came first.
drain() {
  local reason="zcrx: $*"
  echo "$reason" >&2
  logger -t zcrx-hwtest -- "job $job: $reason" 2>/dev/null
  scontrol update "NodeName=$node" State=DRAIN "Reason=${reason:0:500}" >&2
  exit 1
}

# Runs zcrx_nic and prints its output; if it fails, its errors alone, on one line.
nic() {
  local said errors status=0
  said=$(zcrx_nic "$@" 2>&1) || status=$?
  if ((status != 0)); then
    errors=$(sed -n 's/^zcrx_nic: //p' <<<"$said")
    said=${errors:-${said:-exit status $status of zcrx_nic}}
    said=${said//$'\n'/; }
  fi
  echo "$said"
  return "$status"
}

make_folders() {
  local said
  said=$(umask 022 && mkdir -p "$jobs" 2>&1 && umask 077 && mkdir -p "$snapshots" 2>&1) ||
    drain "cannot write to $run: ${said##*: }"
  [[ -w $snapshots ]] || drain "cannot write to $snapshots"
}

# Takes the lock of a NIC until the script ends. Slurm may run an Epilog that slurmd began before it
# was killed beside the one that it begins now.
lock() {
  exec {lock_fd}>"$snapshots/lock:$1" || drain "cannot write to $snapshots"
  flock -w "$wait_s" "$lock_fd" || drain "$1 is still being put back by another Prolog or Epilog"
}

# Prints the processes of a job on this node. Those that have ended show no environment.
processes_of() {
  local environment pid command
  grep -lzxF "SLURM_JOB_ID=$1" /proc/[0-9]*/environ 2>/dev/null | while read -r environment; do
    grep -qzxF "SLURMD_NODENAME=$node" "$environment" 2>/dev/null || continue
    # Slurm's scripts are of the job too: this one, for example.
    grep -qz '^SLURM_SCRIPT_CONTEXT=.*_slurm\(d\|ctld\)$' "$environment" 2>/dev/null && continue
    pid=${environment//[!0-9]/}
    # The guardian of a killed run is putting the NIC back: zcrx_nic waits for it.
    command=$({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null)
    [[ $command == *"zcrx_nic"*" guard "* ]] || echo "$pid"
  done
}

# Ends what a job has left running: its slurmstepd may have been killed, or a process may have left
# the tree that proctrack/linuxproc follows. It would change the NIC under the next job. Waits until
# they have ended, because one may be doing so in the kernel, or have started another.
end_processes_of() {
  local end=$((SECONDS + wait_s))
  local -a left
  while mapfile -t left < <(processes_of "$1") && [[ ${#left[@]} -gt 0 ]]; do
    echo "job $1 has left processes ${left[*]}: killed" >&2
    kill -KILL "${left[@]}" 2>/dev/null
    ((SECONDS < end)) || drain "processes ${left[*]} of job $1 do not end"
    sleep 0.1
  done
}

# Puts a NIC back as JOB found it and forgets the snapshot. What stays is for the next Prolog or
# Epilog. First the journal of a killed run, if there is one: it knows of more than a snapshot (fault
# injection, traces, whose choice header split is), and of nothing before the job. Not `restore
# --all`, because other jobs may have the node's other NICs.
put_back() {
  local netif=$1 of=$2 said
  # Without its configuration a job that slurmd starts too late does not know of the NIC: it may do so
  # if slurmctld, begun anew, has it end the job at that moment. (A job that runs again has its own
  # folder by now; its Epilog removes that first.)
  [[ $of == "$job" ]] || rm -rf "${jobs:?}/$of"
  end_processes_of "$of"
  said=$(nic "--netif=$netif" "--wait=$wait_s" restore) ||
    drain "$netif, left by job $of: $said"
  said=$(nic "--netif=$netif" "--wait=$wait_s" restore "$snapshots/$of:$netif") ||
    drain "$netif, left by job $of: $said (it was as in $snapshots/$of:$netif)"
  rm -f "$snapshots/$of:$netif" || drain "cannot remove $snapshots/$of:$netif"
}
