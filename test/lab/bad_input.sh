#!/bin/sh
# shellcheck disable=SC2016  # the senders' scripts are for their own shell
# Runs in the DUT: the suite with one thing wrong at a time. Each case prints its name, what the
# suite said, and its exit status; the NIC's state stands around them all.
config=/etc/zcrx-hwtest/net.config
one="--gtest_filter=ZcrxReceive.*/flow_rule"

# shellcheck source=test/lab/cases.sh
. /share/cases.sh

suite() { zcrx_tests --config=$config "$@"; }

# A sender that does what the argument says and then what it was asked to.
sender() { # sender NAME SCRIPT
  printf '#!/bin/sh\n%s\n' "$2" >"/tmp/$1"
  chmod 755 "/tmp/$1"
}

cd /tmp || exit
: >/tmp/nobody_known
# An RSS table, rings and a rule of somebody's own: they have to be there afterwards.
ethtool -X nic0 weight 3 1 0 0
ethtool -G nic0 rx 512
ethtool -K nic0 ntuple on
ethtool -N nic0 flow-type tcp4 dst-port 4000 action 1 loc 5
state >/tmp/before

case_of no_configuration zcrx_tests '--gtest_filter=ZcrxReceive.*'
case_of unknown_argument suite --gtest_filtr=x
case_of nothing_selected suite --gtest_filter=Nothing
case_of no_such_interface suite --netif=eth7
case_of address_elsewhere suite --local-v4=198.51.100.1 --remote-v4=198.51.100.2
case_of address_of_nobody suite --local-v4=192.0.2.77 --remote-v4=192.0.2.2
case_of unknown_promise suite --promised=wings
case_of no_privilege busybox su -s /bin/sh sshd -c "/usr/bin/zcrx_tests --config=$config"
echo 2 >/proc/sys/kernel/io_uring_disabled
case_of io_uring_disabled suite
echo 0 >/proc/sys/kernel/io_uring_disabled
case_of ssh_refused suite --remote-args=root@198.51.100.2:1
case_of ssh_unknown_host suite --ssh-known-hosts=/tmp/nobody_known
case_of ssh_wrong_key suite --ssh-identity=/etc/lab/ssh_host_ed25519_key
case_of check suite --check
case_of check_unknown_promise suite --check --promised=wings
case_of check_tells_all suite --check --ssh-known-hosts=/tmp/nobody_known \
  --local-v4=198.51.100.1 --remote-v4=198.51.100.2

busybox nc -l -p 4001 &
busy=$!
case_of port_taken suite "$one" --port=4001
kill $busy
case_of port_given suite "$one" --port=4002

# By a name that only we give it: longer than the kernel's own may be.
named() {
  ip link property add dev nic0 altname the-cable-between-dut-and-peer &&
    suite "$one" --netif=the-cable-between-dut-and-peer --junit=/tmp/named.xml &&
    grep zero_copy_proof /tmp/named.xml
}
case_of named named

# Without IPv6, and the peer's way to the NIC's address leads by another interface: the kernel takes
# what comes there, and no packet crosses the NIC.
grep -v V6 $config >/tmp/v4.config
case_of no_ipv6 zcrx_tests --config=/tmp/v4.config "--gtest_filter=ZcrxConnections.*"
local_v4=$(sed -n 's/^LOCAL_V4=//p' $config)
ssh root@198.51.100.2 ip route add "$local_v4/32" via 198.51.100.1
case_of another_way zcrx_tests --config=/tmp/v4.config \
  "--gtest_filter=ZcrxCopyEvent.*:ZcrxSteering.LeadsNoOtherFlow*"
# shellcheck disable=SC2029 # it is to expand here
ssh root@198.51.100.2 ip route delete "$local_v4/32"

sender killed 'kill -9 $$'
case_of sender_killed suite "$one" --sender=/tmp/killed
# Same program, other size: what is left of a sender that died in mid-stream.
sender short 'for a; do
  case $a in --bytes=*) a=--bytes=1000 ;; esac
  set -- "$@" "$a"
  shift
done
zcrx_sender "$@"
kill -9 $$'
case_of sender_died suite "$one" --sender=/tmp/short
sender other 'for a; do
  case $a in --seed=*) a=--seed=1 ;; esac
  set -- "$@" "$a"
  shift
done
exec zcrx_sender "$@"'
case_of other_data suite "$one" --sender=/tmp/other
case_of broken_promise suite "--gtest_filter=ZcrxLargeChunks.*" --promised=large-chunks

case_of state_as_found sh -c ":"
state >/tmp/after
diff /tmp/before /tmp/after
case_of folders_on_the_peer ssh root@198.51.100.2 ls /tmp
ethtool -N nic0 delete 5
case_of one_queue_is_made_two sh -c "ethtool -X nic0 default && ethtool -L nic0 rx 1 tx 1 &&
  zcrx_tests --config=$config '$one' && ethtool -l nic0"
