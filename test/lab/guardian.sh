#!/bin/sh
# Runs in the DUT: the suite, killed at one point after the other (ZCRX_KILL_AT, see
# support/base/kill_point.h), and what it leaves behind. Prints a line for each kill:
#   killed POINT guarded: restored after MS ms, peer as before after MS ms
#   killed POINT alone: ...            (the guardian was killed too)
# or "FAILED POINT ...: ..." with what is wrong. Beside the points it is killed at random times
# (random:MS). Then two at once start the suite many times over.
rounds=$1 # passes of each point
alone=$2  # how many of them are tried with the guardian killed too
starts=$3 # of each of two
config=/etc/zcrx-hwtest/net.config
peer_login=root@198.51.100.2
state_folder=/var/lib/zcrx-hwtest
back_ms=5000 # within which the guardian has put the NIC back
export ZCRX_STATE_DIR=$state_folder
# shellcheck source=test/lab/cases.sh
. /share/cases.sh

now_ms() {
  read -r uptime _ </proc/uptime
  echo "${uptime%.*}${uptime#*.}0"
}

# The kernel's own list of sockets: nobody has to be asked.
lock_is_free() { ! grep -q "@zcrx-hwtest/nic/nic0" /proc/net/unix; }
nothing_on_peer() {
  echo count >&3
  read -r left <&4
  [ "$left" = 0 ]
}

# As soon as the command succeeds; says after how many ms, counted from $killed.
within() { # within MS COMMAND
  while ! "$2"; do
    [ $(($(now_ms) - killed)) -lt "$1" ] || return
    usleep 20000
  done
  took=$(($(now_ms) - killed))
}

# By the programs that everybody has, and by ours.
remember() {
  state >/tmp/before
  zcrx_nic --netif=nic0 snapshot /tmp/snapshot
}
as_before() {
  state >/tmp/after
  diff /tmp/before /tmp/after && zcrx_nic --netif=nic0 diff /tmp/snapshot
}

# The kernel may take a second to let go of what the run had.
is_as_before() { as_before >/tmp/differs; }
as_it_was() {
  killed=$(now_ms)
  within 3000 is_as_before
}

failed() { # failed POINT MODE WHAT FILE
  echo "FAILED $1 $2: $3"
  sed 's/^/  /' "$4"
}

kill_at() { # kill_at POINT FILTER
  rm -f /tmp/said
  env "ZCRX_KILL_AT=$1" zcrx_tests --config=$config "--gtest_filter=$2" >/tmp/said 2>&1
  status=$?
  killed=$(now_ms)
  [ $status = 137 ]
}

# At a time that nobody has chosen, after the first test has begun. (Before, it may be that nothing
# was changed yet, and the journal is there.)
kill_at_random() { # kill_at_random MS FILTER
  zcrx_tests --config=$config "--gtest_filter=$2" >/tmp/said 2>&1 &
  becomes 30 grep -qs "RUN" /tmp/said
  usleep "$1"000
  kill -KILL $!
  wait $!
  killed=$(now_ms)
}

# The guardian puts everything back by itself, and frees the NIC only then.
with_guardian() { # with_guardian POINT FILTER
  kill_at "$1" "$2" || { failed "$1" guarded "the suite ended with status $status" /tmp/said && return; }
  all_is_back "$1"
}
all_is_back() { # all_is_back POINT
  # The peer first: it has the shorter time, and to ask it takes the longer.
  within 3000 nothing_on_peer ||
    { failed "$1" guarded "$left senders and folders on the peer after 3 s" /tmp/said && return; }
  gone=$took
  within $back_ms lock_is_free || { failed "$1" guarded "in use after $back_ms ms" /tmp/said && return; }
  restored=$took
  as_it_was || { failed "$1" guarded "not as it was" /tmp/differs && return; }
  # Killed between the journal and its guardian, it has changed nothing, and the journal says so to
  # the next start.
  case $1 in *write_journal* | "before start_guardian"*) rm -f $state_folder/nic0.journal ;; esac
  [ ! -e $state_folder/nic0.journal ] || { failed "$1" guarded "the journal is there" /tmp/said && return; }
  echo "killed $1 guarded: restored after $restored ms, peer as before after $gone ms"
}

# With both killed the NIC stays as it is, until the next start puts it back and says so.
without_guardian() { # without_guardian POINT FILTER
  export ZCRX_GUARDIAN_KILL_AT="before put_back:1"
  kill_at "$1" "$2"
  unset ZCRX_GUARDIAN_KILL_AT
  [ $status = 137 ] || { failed "$1" alone "the suite ended with status $status" /tmp/said && return; }
  within 5000 lock_is_free || { failed "$1" alone "in use after 5 s" /tmp/said && return; }
  journal=none
  [ -e $state_folder/nic0.journal ] && journal=left
  zcrx_tests --config=$config --gtest_filter=Nothing >/tmp/next 2>&1
  [ $? = 3 ] || { failed "$1" alone "the next start failed" /tmp/next && return; }
  as_it_was || { failed "$1" alone "not as it was" /tmp/differs && return; }
  [ $journal = none ] || grep -q "a killed run left nic0" /tmp/next ||
    { failed "$1" alone "the next start does not tell" /tmp/next && return; }
  [ ! -e $state_folder/nic0.journal ] || { failed "$1" alone "the journal is there" /tmp/next && return; }
  within 30000 nothing_on_peer || { failed "$1" alone "senders or folders are left" /tmp/said && return; }
  echo "killed $1 alone: journal $journal, put back by the next start"
}

# Points by their names, and how often each is passed, of a run of the tests.
points() { # points FILTER: NAME TIMES
  ZCRX_KILL_AT=print zcrx_tests --config=$config "--gtest_filter=$1" >/tmp/said 2>&1 || return
  sed -n 's/^.*kill point: //p' /tmp/said | awk -F: '{ times[$1] = $2 } END { for (p in times) print p ":" times[p] }' | sort
}

# The passes to try. One round is a sample: the first, which sets, and the last, which puts back.
passes() { # passes NAME TIMES
  case $rounds,$1 in
    1,after*) ;;
    1,*copy_sender) seq 1 16 "$2" ;;
    1,*) seq 1 $(($2 > 1 ? $2 - 1 : 1)) "$2" ;;
    *) for round in $(seq "$rounds"); do echo $((1 + (round - 1) * ($2 - 1) / (rounds - 1))); done ;;
  esac
}

kill_at_each() { # kill_at_each FILTER
  begun=$(now_ms)
  points "$1" >/tmp/points || { failed "no point" none "the suite itself failed" /tmp/said && return; }
  latest_ms=$(($(now_ms) - begun))
  echo "points: $(wc -l </tmp/points)"
  while IFS=: read -r name times; do
    grep -qxF "$name" /tmp/tried && continue
    echo "$name" >>/tmp/tried
    # How many completions a transfer takes differs from run to run.
    case $name in *transfer) times=$((times * 3 / 4)) ;; esac
    for pass in $(passes "$name" "$times"); do
      with_guardian "$name:$pass" "$1" </dev/null
      [ "$alone" -gt 0 ] || continue
      alone=$((alone - 1))
      without_guardian "$name:$pass" "$1" </dev/null
    done
  done </tmp/points
  for _ in $(seq $((4 * rounds))); do
    ms=$(($(od -An -N2 -tu2 /dev/urandom) % latest_ms))
    kill_at_random $ms "$1"
    all_is_back "random:$ms"
  done
  # Header split and an RSS table that are the driver's own choice have not become somebody's. No
  # state tells one from the other, but what a run has to do to them does.
  grep -v transfer /tmp/points >/tmp/steps
  points "$1" | grep -v transfer | diff /tmp/steps - >/tmp/differs ||
    failed "all points" none "other steps than at first" /tmp/differs
}

# Counts senders and their folders on the peer, over one login for all the times it is asked.
mkfifo /tmp/ask /tmp/answer
ssh $peer_login 'while read -r _; do
  echo $(($(cat /proc/[0-9]*/comm 2>/dev/null | grep -cx zcrx_sender) + $(ls /tmp | grep -c "^zcrx-")))
done' </tmp/ask >/tmp/answer &
exec 3>/tmp/ask 4</tmp/answer
: >/tmp/tried

# Somebody's own: they have to be there afterwards, byte for byte.
ethtool -K nic0 ntuple on
ethtool -L nic0 combined 4
ethtool -G nic0 rx 600
ethtool -X nic0 weight 3 1 2 2
ethtool -X nic0 context new weight 1 0 3 0
ethtool -N nic0 flow-type tcp4 dst-port 4000 action 1
remember
kill_at_each 'ZcrxReceive.DeliversEveryByteInOrder/rss_context'

# One channel, so that it needs another; huge pages; a device that has a queue on lease.
ethtool -N nic0 delete "$(ethtool -n nic0 | sed -n 's/^Filter: //p')"
ethtool -X nic0 context 1 delete
ethtool -X nic0 default
ethtool -L nic0 combined 1
remember
kill_at_each 'ZcrxLargeChunks.DeliversEveryByteInOrder/flow_rule:ZcrxLeaseStream.*/flow_rule'

# Away, the NIC loses its addresses, which are the user's to set again. All else comes back.
back_ms=20000 # the driver probes it
for point in unbind_driver move_away; do
  with_guardian "after $point:1" 'ZcrxRemoval.*:ZcrxLifecycleStream.*/namespace'
  # shellcheck source=/dev/null
  (. $config && ip address add "$LOCAL_V4/24" dev nic0 && ip -6 address add "$LOCAL_V6/64" dev nic0 nodad)
done

# Two at once, many times over: never both, and the second is told of the first.
one='--gtest_filter=ZcrxReceive.DeliversEveryByteInOrder/flow_rule'
many() { # many ARGUMENT...
  for _ in $(seq "$starts"); do
    ZCRX_KILL_AT=print zcrx_tests --config=$config "$one" "$@" >/dev/null 2>>/tmp/both
    echo "started: status $?"
  done
}
two() { # two NAME ARGUMENT...
  echo "=== $1"
  shift
  : >/tmp/both
  many "$@" &
  many "$@"
  wait $!
  grep "in use by" /tmp/both | head -n 1
  # Who has begun ends before another begins.
  awk '/kill point: before start_guardian/ { if (++inside > 1) print "OVERLAP" }
    /kill point: after dismiss_guardian/ { --inside; ++ended }
    END { print "ended: " ended + 0 ", inside: " inside + 0 }' /tmp/both
  echo "--- status 0"
}
two without_waiting
two waiting --wait 300
