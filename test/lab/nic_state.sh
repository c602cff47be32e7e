#!/bin/sh
# Runs in the DUT: settings of somebody else's on the NIC, which the suite leaves alone, and which
# zcrx_nic puts back after all of them were wrecked. A case prints its name, what it found, and its
# exit status.
# shellcheck disable=SC2154  # what nic.sh sets
config=/etc/zcrx-hwtest/net.config
huge_pages=/proc/sys/vm/nr_hugepages
# shellcheck source=test/lab/cases.sh
. /share/cases.sh
# shellcheck source=/dev/null
. /share/nic.sh

on_the_nic() { zcrx_nic --config=$config "$@"; }

key() { # key BYTE: 40 times
  yes "$1" | head -n 40 | paste -s -d :
}

# What no default looks like; with a rule that is not of the suite's kind (UDP), and one to a
# context where the driver has them.
foreign() {
  ip link set nic0 mtu 1400 && ethtool -K nic0 gro off && echo 4 >$huge_pages || return
  ethtool -K nic0 ntuple on && queues 4 && use_rings "$(last_but_one "$rings")" || return
  if [ -n "$contexts" ]; then
    ethtool -X nic0 context new start 2 equal 1 hkey "$(key a1)" &&
      rule 7 flow-type tcp4 src-port 5001 context 1 >/tmp/rules
  else
    rule 7 flow-type tcp4 src-ip 192.0.2.0 m 0.0.0.255 src-port 5001 action 2 >/tmp/rules
  fi && rule 11 flow-type udp4 dst-port 4000 action 1 >>/tmp/rules &&
    ethtool -X nic0 hkey "$(key 5c)" && ethtool -X nic0 weight 1 2 0 1
}

last_but_one() { # last_but_one "WORD..."
  echo "$1" | awk '{ print $(NF - 1) }'
}

# The ethtool program of Debian 12 cannot. mlx5 says nothing of it until it is set, and wants rx-gro-hw.
split_headers() {
  on_the_nic snapshot /tmp/split || return
  if grep -q '"tcp-data-split":null' /tmp/split; then
    ethtool -K nic0 rx-gro-hw on && on_the_nic snapshot /tmp/split || return
  fi
  sed -i 's/"tcp-data-split":\(null\|"off"\)/"tcp-data-split":"on"/' /tmp/split &&
    on_the_nic restore /tmp/split
}

# Each of them, and the channels; rules and a context are added, and the rules above deleted.
wreck() {
  echo 0 >$huge_pages && ethtool -K nic0 gro on &&
    ethtool -X nic0 hkey "$(key 00)" && ethtool -X nic0 equal 2 || return
  while read -r number; do ethtool -N nic0 delete "$number" || return; done </tmp/rules
  if [ -n "$contexts" ]; then
    ethtool -X nic0 context 1 delete && ethtool -X nic0 context new start 1 equal 1 &&
      ethtool -X nic0 context new start 0 equal 2 &&
      rule 7 flow-type tcp4 dst-port 9 context 2
  else
    rule 7 flow-type tcp4 dst-port 9 action 0
  fi && queues 3 && use_rings "${rings##* }" && split_headers && ip link set nic0 mtu 1500
}

same_bytes() { # same_bytes FILE: as the NIC is now
  on_the_nic snapshot "$1.now" && cmp "$1" "$1.now"
}

# Somebody changes the NIC while a test runs: after the test's own last change, and a second of
# transfer before its end.
meddled_with() {
  ZCRX_KILL_AT=print zcrx_tests --config=$config '--gtest_filter=ZcrxHeaderSplit.*/flow_rule' >/tmp/meddled 2>&1 &
  suite=$!
  becomes 20 grep -qs 'in transfer' /tmp/meddled && ethtool -K nic0 tx-nocache-copy on
  wait $suite
  cat /tmp/meddled
}

# Changes of our own: once one is heard, so is all that was announced before it. (ethtool shows all
# features whenever one changes, and writes what it has when that fills a block.)
blink() { ethtool -K nic0 "$1" on && ethtool -K nic0 "$1" off; }
heard_blink() { blink "$1" && grep -qs "$1: on" /tmp/settings; }

# What the kernel announces of the NIC's settings while the command runs, from one blink to another.
heard_during() { # heard_during COMMAND...
  rm -f /tmp/settings
  ethtool --monitor nic0 >/tmp/settings 2>&1 &
  # A change before that may reach it in the middle of its own preparations: it then ends, with 0.
  becomes 20 grep -qs listening /tmp/settings || return
  becomes 20 heard_blink rx-udp-gro-forwarding || return
  blink tx-nocache-copy && "$@" && becomes 20 heard_blink rx-gro-list || return
  killall ethtool
  echo "settings:"
  sed -n '/nocache-copy: on/,/gro-list: on/p' /tmp/settings | grep nic0
}

large_chunks() { zcrx_tests --config=$config --gtest_brief=1 '--gtest_filter=ZcrxLargeChunks.*/flow_rule'; }
pool() { cat $huge_pages; }
pool_grew() { [ "$(pool)" -gt 4 ]; }

# All pages of the pool are somebody else's.
take_pages() {
  mkdir /tmp/huge && mount -t hugetlbfs none /tmp/huge && fallocate -l 8388608 /tmp/huge/theirs
}
pages_in_use() { large_chunks && pool; }

# Who has them keeps them while a smaller pool is put back.
restored_beside() {
  echo 0 >$huge_pages && on_the_nic snapshot /tmp/no_pool && echo 2 >$huge_pages &&
    on_the_nic restore /tmp/no_pool && pool && echo 4 >$huge_pages
}

# And the pool is none any more, so that they go when they are given back.
surplus_pages() { echo 0 >$huge_pages && large_chunks && pool; }

# Which they are while the suite has made the pool larger: as with an area that the kernel had not
# let go of yet.
pages_leaving() {
  large_chunks >/tmp/leaving 2>&1 &
  suite=$!
  becomes 20 pool_grew && rm /tmp/huge/theirs
  wait $suite
  status=$?
  cat /tmp/leaving
  pool
  return $status
}

# Set without nodad, as users do: the kernel looks for duplicates, again each time the link comes back.
looked_for_duplicates() {
  # shellcheck source=/dev/null
  . $config
  ip -6 address del "$LOCAL_V6/64" dev nic0 && ip -6 address add "$LOCAL_V6/64" dev nic0 &&
    zcrx_tests --config=$config --gtest_brief=1 \
      --gtest_filter="ZcrxLifecycleStream.*/link_down_up:ZcrxLifecycleStream.*/channels_added"
}

sysctl -q -w net.ipv6.conf.nic0.keep_addr_on_down=1
case_of looked_for_duplicates looked_for_duplicates # with all queues free
case_of foreign foreign
case_of snapshot on_the_nic snapshot /tmp/found
case_of show on_the_nic show
case_of file ls -l /tmp/found
case_of clean on_the_nic diff /tmp/found
case_of suite zcrx_tests --config=$config --gtest_brief=1 --gtest_filter="$1"
case_of suite_leaves_it same_bytes /tmp/found
case_of meddled_with meddled_with
case_of put_back same_bytes /tmp/found
case_of wreck wreck
case_of diff on_the_nic diff /tmp/found
case_of down ip link set nic0 down
case_of restore on_the_nic restore /tmp/found
case_of restored same_bytes /tmp/found
case_of diff_after on_the_nic diff /tmp/found
case_of silence heard_during true
case_of again heard_during on_the_nic restore /tmp/found
zcrx_nic --netif=mgmt0 snapshot /tmp/other
case_of other_nic on_the_nic restore /tmp/other
head -n 10 /tmp/found >/tmp/cut
case_of cut on_the_nic restore /tmp/cut
case_of take_pages take_pages
case_of restored_beside restored_beside
if [ -n "$large_chunks" ]; then
  case_of pages_in_use pages_in_use
  case_of surplus_pages surplus_pages
  case_of pages_leaving pages_leaving
fi
