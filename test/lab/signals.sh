#!/bin/sh
# Runs in the DUT: ends the suite in the ways its arguments say, one after the other, and prints for
# each what came of it, in lines "=== CASE", what it saw, and "--- status" of the suite.
#   interrupt NAME SIGNALS FROM DELAY SEED   DELAY seconds after it has begun its report (start) or
#                                            its first test (test), sends SIGNALS, 0.2 s apart
#   lose NAME HOW USER                       while a sender of USER sends on the peer: HOW is kill,
#                                            stop or cut
#   panic USER                               the same, and the last of all: the kernel panics, and
#                                            the peer tells on its console
config=/etc/zcrx-hwtest/net.config
host=198.51.100.2
peer=root@$host
# shellcheck source=test/lab/cases.sh
. /share/cases.sh

now() { cut -d' ' -f1 /proc/uptime; }
changed() {
  state >/tmp/after
  diff /tmp/before /tmp/after >/tmp/changed || sed 's/^/changed: /' /tmp/changed
}
left_on_peer() { ssh $peer 'busybox ps -o args | grep "[z]crx_sender" ; ls /tmp | grep "^zcrx-"'; }
is_left() { left_on_peer | sed 's/^/left: /'; }

begun() { # begun NAME FROM
  case $2 in
    start) [ -e "/results/$1.xml" ] ;;
    test) grep -qs "RUN" "/results/$1.log" ;;
  esac
}

# What fails by a fault of the kernel (conf/known-faults.toml): the only failure shall be the
# interruption.
known='ZcrxStreamEnd.ByResetIsTold*:ZcrxBound.DeviceTakesJustEnoughChannels:ZcrxUnreadable.*/splice'

interrupt() { # interrupt NAME SIGNALS FROM DELAY SEED
  echo "=== $1"
  rm -f "/results/$1.log" "/results/$1.xml"
  (
    looks=1200 # a minute: a suite that begins no test is ended then
    until begun "$1" "$3" || [ $((looks -= 1)) = 0 ]; do
      busybox sleep 0.05
    done
    busybox sleep "$4"
    now >/tmp/struck
    for signal in $2; do
      kill "-$signal" "$(busybox pidof zcrx_tests)"
      busybox sleep 0.2
    done
  ) &
  zcrx_tests --config=$config "--junit=/results/$1.xml" --gtest_shuffle "--gtest_random_seed=$5" \
    "--gtest_filter=-$known:ZcrxNodev*" >"/results/$1.log" 2>&1
  status=$?
  echo "struck: $(cat /tmp/struck)"
  echo "ended: $(now)"
  wait
  changed
  is_left
  echo "--- status $status"
}

# Sends for long enough: a byte in each send().
cat >/tmp/slow <<'END'
#!/bin/sh
for a; do
  case $a in --send-size=*) a=--send-size=1 ;; esac
  set -- "$@" "$a"
  shift
done
exec zcrx_sender "$@"
END
chmod 755 /tmp/slow

# Writes down each tenth of a second how many senders there are, in the peer's time.
watch_senders() { # watch_senders FILE
  ssh $peer 'rm -f /tmp/watched /tmp/seen; while [ ! -e /tmp/watched ]; do
    senders=$(busybox ps -o args | grep -c "[-]-bytes=")
    echo "watched: $(cut -d" " -f1 /proc/uptime) $senders"
    [ "$senders" = 0 ] || touch /tmp/seen
    busybox sleep 0.1
  done >'"$1"' 2>/dev/null </dev/null &'
}

# Starts the suite, as $suite, and waits until it is sent to and the watch has seen the sender.
start_transfer() { # start_transfer USER LOG
  REMOTE_ARGS=$1@$host zcrx_tests --config=$config --sender=/tmp/slow \
    "--gtest_filter=ZcrxReceive.*/flow_rule" >"$2" 2>&1 &
  suite=$!
  until ss -Htn state established | grep -q '2001:db8:1::1.*2001:db8:1::2'; do
    kill -0 $suite || { cat "$2"; break; }
    busybox sleep 0.05
  done
  ssh $peer 'looks=200; until [ -e /tmp/seen ] || [ $((looks -= 1)) = 0 ]; do
    busybox sleep 0.05
  done
  [ ! -e /tmp/seen ] || echo "seen: before the strike"'
}

panic() { # panic USER
  watch_senders /dev/console
  start_transfer "$1" /results/panic.log
  ssh $peer 'echo "struck: $(cut -d" " -f1 /proc/uptime)" >/dev/console'
  echo 0 >/proc/sys/kernel/panic # nothing follows it: no reboot, and the lab goes on
  echo c >/proc/sysrq-trigger
}

lose() { # lose NAME HOW USER
  echo "=== $1"
  echo "ours: $(now)"
  echo "theirs: $(ssh $peer cut -d'" "' -f1 /proc/uptime)"
  echo "ours: $(now)"
  watch_senders /tmp/senders
  start_transfer "$3" "/results/$1.log"
  echo "struck: $(now)"
  case $2 in
    kill) kill -KILL $suite ;;
    stop) kill -STOP $suite ;;
    cut) ip link set mgmt0 down ;;
  esac
  busybox sleep 4.5
  kill -KILL $suite
  wait $suite
  status=$?
  [ "$2" = cut ] && ip link set mgmt0 up
  ssh $peer 'touch /tmp/watched; busybox sleep 0.3; cat /tmp/senders'
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -z "$(left_on_peer)" ] && break
    busybox sleep 1
  done
  is_left
  zcrx_tests --config=$config "--gtest_filter=ZcrxReceive.*/flow_rule" || echo "changed: no way on"
  echo "--- status $status"
}

# An RSS table, rings and a rule of somebody's own: they have to be there afterwards.
ethtool -X nic0 weight 3 1 0 0
ethtool -G nic0 rx 512
ethtool -K nic0 ntuple on
ethtool -N nic0 flow-type tcp4 dst-port 4000 action 1
state >/tmp/before

while [ $# -gt 0 ]; do
  case $1 in
    interrupt) interrupt "$2" "$3" "$4" "$5" "$6" ; shift 6 ;;
    lose) lose "$2" "$3" "$4" ; shift 4 ;;
    panic) panic "$2" ; shift 2 ;;
  esac
done
