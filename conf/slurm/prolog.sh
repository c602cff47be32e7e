#!/bin/bash
# Slurm's Prolog, by root on the node before a job: takes a snapshot of each NIC that the job has.
# If one cannot be had as it ought to be, the node is drained, and Slurm runs the job elsewhere.
# shellcheck source-path=SCRIPTDIR source=rack.sh
. "$(dirname "$(readlink -f "$0")")/rack.sh" || exit 1

# Asks slurmctld, which may be starting anew.
ask() {
  local said end=$((SECONDS + wait_s))
  until said=$(scontrol "$@" 2>&1); do
    ((SECONDS < end)) || drain "scontrol $*: ${said//$'\n'/; }"
    sleep 1
  done
  echo "$said"
}

# Prints zcrx:TYPE..., a line for each that the job has on this node. Slurm tells it in no variable, as
# zcrx is not one of its plugins.
granted() {
  local nodes gres told
  told=$(ask show job -d "$job") || exit 1
  # The number of an array is also that of one of its tasks, and shows all of them.
  told=$(awk -v RS= -v first="JobId=$job " 'index("\n" $0, "\n" first)' <<<"$told") ||
    drain "awk failed: $told"
  while read -r nodes gres; do
    scontrol show hostnames "$nodes" | grep -Fqx -- "$node" || continue
    tr , '\n' <<<"$gres" | sed -n '/^zcrx\(:\|$\)/p'
  done < <(sed -n 's/^ *Nodes=\([^ ]*\) .*GRES=\([^ ]*\).*/\1 \2/p' <<<"$told" | sed 's/([^)]*)//g')
  return 0
}

# Refuses a resource that two jobs could have at once: a type that counts more than one, or two types
# that name one NIC.
check_resources() {
  local told count config netif
  local -A type_of=()
  told=$(ask show node "$node") || exit 1
  while IFS=: read -r _ type count; do
    [[ -n $type && -n $count ]] || drain "Gres=zcrx of $node in slurm.conf has no type"
    [[ $count == 1 ]] ||
      drain "Gres=zcrx:$type:$count of $node in slurm.conf names $count NICs in one resource: give each NIC a type of its own"
  done < <(sed -n 's/^ *Gres=//p' <<<"$told" | sed 's/([^)]*)//g' | tr , '\n' | sed -n '/^zcrx:/p')
  for config in "$pairs"/*.config; do
    netif=$(interface_of "$config") || continue
    [[ -z ${type_of[$netif]-} ]] ||
      drain "${type_of[$netif]} and $config both name $netif: two resources cannot share a NIC"
    type_of[$netif]=$config
  done
}

# Prints the kernel's name of the NIC in a net.config, which may have another of its names, or says
# why there is none.
interface_of() {
  local said
  said=$(nic "--config=$1" show) || { echo "$said"; return 1; }
  sed -n 's/^"interface":"\(.*\)",$/\1/p' <<<"$said"
}

# An earlier job's snapshot is still there if no Epilog has put the NIC back: none runs after
# slurmstepd was killed, and Slurm kills one that takes too long. So this must come before the NIC is
# taken for as it ought to be; otherwise what that job has set would be "as found" for ever.
take() {
  local type=$1 config=$pairs/$1.config netif said leftover of
  [[ -e $config ]] || drain "GRES zcrx:$type has no file $config"
  netif=$(interface_of "$config") || drain "GRES zcrx:$type, $config: $netif"
  lock "$netif"
  for leftover in "$snapshots"/[0-9]*:"$netif"; do
    [[ -e $leftover ]] || continue
    of=${leftover##*/}
    of=${of%:"$netif"}
    wait_for_end_of "$of" "$netif"
    put_back "$netif" "$of"
  done
  # A run by hand may have left a journal.
  said=$(nic "--netif=$netif" "--wait=$wait_s" restore) || drain "$netif: $said"
  # Under a name that is no job's: what a zcrx_nic that was killed has begun to write is not of use.
  rm -f "$snapshots/new:$netif" "$snapshots/new:$netif".??????
  said=$(nic "--netif=$netif" snapshot "$snapshots/new:$netif") || drain "$netif: $said"
  mv "$snapshots/new:$netif" "$snapshots/$job:$netif" || drain "cannot write to $snapshots"
  cp "$config" "$jobs/$job/$type.config" || drain "cannot write to $jobs/$job"
}

# Slurm gives a resource on only after the job that had it. If slurmctld has lost that job, slurmd is
# about to end it.
wait_for_end_of() {
  local end=$((SECONDS + wait_s))
  while [[ -n $(scontrol listpids "$1" "$node" 2>/dev/null | sed 1d) ]]; do
    ((SECONDS < end)) || drain "$2 is in use by job $1, which still runs"
    sleep 1
  done
}

pairs_of_job=$(granted) || exit 1
[[ -n $pairs_of_job ]] || exit 0
make_folders
check_resources
rm -rf "${jobs:?}/$job"
# Journals of a user's runs belong to this node, and a home folder may be shared by many.
install -d -m 755 "$jobs/$job" || drain "cannot write to $jobs"
install -d -m 700 -o "${SLURM_JOB_UID:-0}" "$jobs/$job/state" || drain "cannot write to $jobs/$job"
while IFS=: read -r _ type _; do
  take "$type"
done <<<"$pairs_of_job"
