#!/bin/sh
# Runs in the DUT: what its scripts have in common, which `.` it. LabTest.share() puts it beside them.
# shellcheck disable=SC2154  # what nic.sh sets

# A case prints its name, what it found, and its exit status: cases() in harness.py reads that.
case_of() { # case_of NAME COMMAND...
  echo "=== $1"
  shift
  "$@" 2>&1
  echo "--- status $?"
}

becomes() { # becomes SECONDS COMMAND...: as soon as the command succeeds; looks ten times a second
  end=$(($(date +%s) + $1))
  shift
  until "$@"; do
    [ "$(date +%s)" -lt $end ] || { echo "never became true: $*" && return 1; }
    usleep 100000
  done
}

# What follows needs what the harness says of the NIC, /share/nic.sh.

queues() { # queues N
  for word in $channels; do set -- "$@" "$word" "$1"; done
  shift
  ethtool -L nic0 "$@"
}

use_rings() { ethtool -G nic0 rx "${1%,*}" tx "${1#*,}"; } # use_rings RX,TX

rule() { # rule NUMBER ETHTOOL-WORDS...: prints its number, which is the driver's choice if it makes one
  number=$1
  shift
  [ -z "$places_rules" ] || set -- "$@" loc "$number"
  said=$(ethtool -N nic0 "$@") || return
  case $said in
    *"ID "*) echo "${said##*ID }" ;;
    *) echo "$number" ;;
  esac
}

# All that a run must leave as it was, by the programs that everybody has.
state() {
  for option in -l -g -x -n -k; do ethtool "$option" nic0 2>&1; done
  for context in $(seq 9); do ethtool -x nic0 context "$context" 2>&1; done
  # What the pool is set to: pages of an area that the kernel has not let go of yet (up to a second)
  # are counted too, as surplus.
  pool=/sys/kernel/mm/hugepages/hugepages-2048kB
  echo $(($(cat $pool/nr_hugepages) - $(cat $pool/surplus_hugepages)))
  ls /sys/kernel/tracing/instances /sys/class/net
}
