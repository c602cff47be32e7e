#!/bin/sh
# Runs in the DUT: every setting that the driver has, with verified traffic both ways after each and
# while they change. A case prints its name, what it found, and its exit status. The lines
# "waiting: ..." ask whoever started this to pull the cable and to put it back.
# shellcheck disable=SC2154  # what nic.sh sets
peer=192.0.2.2
peer_login=root@198.51.100.2
modules=/lib/modules/$(uname -r)
# shellcheck source=test/lab/cases.sh
. /share/cases.sh
# shellcheck source=/dev/null
. /share/nic.sh

# The peer serves /tmp/data on one port, and on another answers with the sum of what it is sent.
fetch() { [ "$(nc $peer 5001 </dev/null | md5sum)" = "$sum" ] || { echo "fetched other bytes" && return 1; }; }
hand_over() { [ "$(nc $peer 5002 </tmp/data)" = "$sum" ] || { echo "handed over other bytes" && return 1; }; }
both_ways() { fetch && hand_over; }
reachable() { ping -c 1 -w "${1:-20}" $peer >/dev/null; } # reachable [SECONDS]

# Of what follows the first packet that comes back: until then, a link that went down for a setting
# may still be on its way up.
no_loss() { # no_loss FAMILY ADDRESS BYTES
  ping "-$1" -c 1 -w 20 "$2" >/dev/null || { echo "no answer from $2" && return 1; }
  ping "-$1" -A -q -c 2000 -s "$3" "$2" >/tmp/pinged
  cat /tmp/pinged
  grep -q " 0% packet loss" /tmp/pinged
}

up_and_down() {
  for _ in $(seq 20); do
    ip link set nic0 down && ip link set nic0 up || return
  done
  reachable && both_ways
}

most_queues() { ethtool -l nic0 | awk '/^(RX|Combined):/ && $2 > n { n = $2 } /^Current/ { print n; exit }'; }

every_number_of_queues() {
  for n in $(seq "$(most_queues)"); do
    queues "$n" || return
    [ "$(find /sys/class/net/nic0/queues -name 'rx-*' | wc -l)" = "$n" ] && reachable || return
  done
  both_ways && queues 4
}

every_ring_size() { # every_ring_size RX,TX...
  for sizes; do
    use_rings "$sizes" && fetch || return
    ethtool -g nic0 | awk '/^Current/ { now = 1 } now && /^(RX|TX):/ { print $2 }' | paste -s -d ,
  done
}

# Bytes that each queue has received, one a line. bnxt looks at the NIC's counters five times a
# second at most, and tells what it saw then (bnxt_sync_ring_stats()): asked right after a transfer
# that took less, it knows nothing of it.
received() {
  usleep 300000
  ethtool -S nic0 | sed -n "s/^$queue_bytes//p"
}

arrives_on() { arrives 'here > 20 * elsewhere' "$@"; } # arrives_on QUEUE COMMAND...
arrives_off() { arrives 'elsewhere > here' "$@"; }

arrives() { # arrives WHERE QUEUE COMMAND...: of what the command receives, this comes by the queue
  where=$1 queue=$2
  shift 2
  received >/tmp/received-before
  "$@" || return
  received | paste /tmp/received-before - | awk -v queue="$queue" '
    { if (NR == queue + 1) here = $2 - $1; else elsewhere += $2 - $1 }
    END { print here " on queue " queue ", " elsewhere " elsewhere"; exit !('"$where"') }'
}

rss_table() {
  ethtool -X nic0 equal 1 && arrives_on 0 fetch || return
  ethtool -X nic0 weight 0 0 1 && arrives_on 2 fetch || return
  ethtool -X nic0 default && both_ways
}

# For what the peer sends when we fetch.
rule_to() { rule 3 flow-type tcp4 src-port 5001 "$@" >/tmp/rule; } # rule_to ACTION...

rule_to_a_queue() {
  ethtool -K nic0 ntuple on
  rule_to action 3 || return
  arrives_on 3 fetch && ethtool -N nic0 delete "$(cat /tmp/rule)" && both_ways
}

rule_to_a_context() {
  context=$(ethtool -X nic0 context new start 2 equal 1 | sed 's/.* is //')
  rule_to context "$context" && arrives_on 2 fetch || return
  ethtool -X nic0 context "$context" delete && echo "deleted, although a rule points at it" && return 1
  ethtool -N nic0 delete "$(cat /tmp/rule)" && ethtool -X nic0 context "$context" delete && both_ways
}

mtu() { # mtu BYTES: at both ends
  # shellcheck disable=SC2029  # the number is ours
  ip link set nic0 mtu "$1" && ssh $peer_login "ip link set nic0 mtu $1" && no_loss 4 $peer $(($1 - 28))
}

# aRFS: what a program on a CPU reads comes to a queue of that CPU, here not to the one that RSS gives
# it to.
flows_follow_their_reader() {
  mkfifo /tmp/no-input
  ethtool -X nic0 equal 1 && ethtool -K nic0 ntuple on && reader_tables 32768 2048 &&
    arrives_off 0 fetch_on_second_cpu && reader_tables 0 0 && ethtool -X nic0 default
}

# Flows are told of established sockets alone, and nc's is no more once its own input has ended.
fetch_on_second_cpu() {
  taskset 2 nc $peer 5001 <>/tmp/no-input >/tmp/fetched && [ "$(md5sum </tmp/fetched)" = "$sum" ]
}

reader_tables() { # reader_tables ALL QUEUE: entries
  echo "$1" >/proc/sys/net/core/rps_sock_flow_entries
  for table in /sys/class/net/nic0/queues/rx-*/rps_flow_cnt; do echo "$2" >"$table"; done
}

jumbo_frames() { mtu "$1" && both_ways && mtu 1500; }

# What /etc/lab/boot does with the NIC.
driver_again() {
  read -r _ mac v4 v6 </etc/lab/nics
  for _ in 1 2 3; do
    rmmod "$1" && echo 1 >"$device/reset" && insmod "$modules/$1.ko" || return
    becomes 10 grep -qs "$mac" /sys/class/net/*/address || return
    interface=$(grep -l "$mac" /sys/class/net/*/address)
    interface=${interface#/sys/class/net/}
    ip link set "${interface%/address}" name nic0 &&
      ip address add "$v4/24" dev nic0 && ip -6 address add "$v6/64" dev nic0 nodad &&
      ip link set nic0 up && becomes 10 carrier 1 && reachable || return
  done
  both_ways
}

carrier() { [ "$(cat /sys/class/net/nic0/carrier)" = "$1" ]; }

cable() {
  echo "waiting: down"
  becomes 60 carrier 0 || return
  echo "waiting: up"
  becomes 60 carrier 1 && reachable && both_ways
}

# Transfers one after the other until /tmp/stop is there; a line for each.
stream() { # stream COMMAND
  until [ -e /tmp/stop ]; do "$1" && echo "whole"; done
}

every_setting() { # every_setting RX,TX...
  for sizes; do
    use_rings "$sizes" || return
  done
  queues 2 && queues 4 && ethtool -X nic0 equal 1 && ethtool -X nic0 default &&
    zcrx_tests --config=/etc/zcrx-hwtest/net.config --gtest_filter="ZcrxReceive.*:ZcrxOneshot.*" \
      --gtest_brief=1
}

settings_under_traffic() { # settings_under_traffic RX,TX...
  rm -f /tmp/stop
  stream fetch >/tmp/fetched 2>&1 &
  stream hand_over >/tmp/handed-over 2>&1 &
  every_setting "$@"
  status=$?
  touch /tmp/stop
  wait
  sort /tmp/fetched /tmp/handed-over | uniq -c
  return $status
}

# Behind the driver's back: the NIC forgets where it was to write to, and nothing can follow. The
# stream is a program of its own, as it never ends: a subshell would keep this login's output open.
reset_in_mid_stream() {
  sh -c "while nc $peer 5001; do :; done" </dev/null >/dev/null 2>&1 &
  becomes 20 more_received_than "$(all_received)" && echo 1 >"$device/reset" && ! reachable 3
}

all_received() { received | awk '{ all += $1 } END { print all }'; }
more_received_than() { [ "$(all_received)" -gt "$1" ]; }

device=$(readlink -f /sys/class/net/nic0/device)
sysctl -q -w net.ipv6.conf.nic0.keep_addr_on_down=1
cat /usr/bin/busybox /usr/bin/zcrx_tests >/tmp/data
sum=$(md5sum </tmp/data)
ssh $peer_login 'cat /usr/bin/busybox /usr/bin/zcrx_tests >/tmp/data
  nc -ll -p 5001 -e cat /tmp/data </dev/null >/dev/null 2>&1 &
  nc -ll -p 5002 -e md5sum </dev/null >/dev/null 2>&1 &'

case_of ping_v4 no_loss 4 $peer 56
case_of ping_v6 no_loss 6 2001:db8:1::2 1400
case_of tcp_both_ways both_ways
case_of queues every_number_of_queues
# shellcheck disable=SC2086  # one argument a size
case_of rings every_ring_size $rings
case_of rss_table rss_table
case_of rule_to_a_queue rule_to_a_queue
[ -z "$contexts" ] || case_of rule_to_a_context rule_to_a_context
[ -z "$arfs" ] || case_of flows_follow_their_reader flows_follow_their_reader
case_of jumbo_frames jumbo_frames "$jumbo"
case_of cable cable
# shellcheck disable=SC2086
case_of settings_under_traffic settings_under_traffic $rings
case_of up_and_down up_and_down
case_of driver_again driver_again "$module"
case_of reset_in_mid_stream reset_in_mid_stream
