#!/bin/sh
# Runs in the DUT, which has two NICs: a Slurm node with a pair for each, and the bundle as
# conf/slurm/README.md has it installed. Jobs of the suite's test $1: two that are killed, then two
# for each pair. What does not come about in time ends the script.
# shellcheck source=test/lab/cases.sh
. /share/cases.sh

if [ -z "${IN_DEBIAN-}" ]; then
  # Debian's /usr in place of the guest's, for this script alone: conf/slurm needs more than busybox
  # has. In memory, where programs start ten times as fast as from /share.
  mkdir /debian && tar -xf /share/debian.tar -C /debian || exit
  cp -r /share/bundle /debian/usr/share/zcrx-hwtest || exit
  # shellcheck disable=SC2016  # for the inner shell
  IN_DEBIAN=yes exec unshare -m sh -c 'mount --bind /debian/usr /usr && exec sh "$0" "$@"' "$0" "$@"
fi

filter=--gtest_filter=$1
bundle=/usr/share/zcrx-hwtest
pairs=/etc/zcrx-hwtest/pairs
run=/run/zcrx-hwtest
munge=/run/munge
ln -s $bundle/zcrx_tests $bundle/zcrx_nic /usr/local/bin || exit
export PATH=/usr/local/bin:/usr/bin:/usr/sbin
usleep() { sleep 0.1; } # becomes wants it, and Debian has none

on_both() { # on_both COMMAND: of zcrx_nic's, with a file for each NIC
  zcrx_nic --netif=nic0 "$1" /tmp/nic0 && zcrx_nic --netif=nic1 "$1" /tmp/nic1
}
start() { # start DAEMON ARGUMENTS...
  log=/results/$1.log
  "$@" >"$log" 2>&1 &
}
wait_for() { # wait_for SECONDS COMMAND...: or ends, with what may be the reason
  becomes "$@" && return
  reasons
  squeue
  exit 1
}
reasons() { sinfo --noheader --list-reasons --format='%n %E'; }
idle() { [ "$(sinfo --noheader --Node --format=%T)" = idle ]; }
submit() { sbatch --parsable "$@"; }
ended() { said=$(squeue --noheader) && [ -z "$said" ]; }
suite_of() { echo "/zcrx_tests.elf --config=$run/jobs/$1/"; } # suite_of JOB: for pgrep -f
signal() { pkill "-$1" -f "$(suite_of "$2")"; } # signal NAME JOB: to its suite
stopped() { pgrep -r T -f "$(suite_of "$1")" >/dev/null; }

# Stops a job's suite while its flow rule is on the NIC, so that it puts nothing back before it is
# killed. In a subshell, as `becomes` is called within itself.
caught() ( # caught NIC JOB
  signal STOP "$2" && becomes 10 stopped "$2" &&
    zcrx_nic "--netif=$1" diff "/tmp/$1" | grep -q 'flow rule' && exit
  signal CONT "$2"
  exit 1
)
# The bundle's programs have the name of its loader.
none_runs() { ! pgrep -l -x 'munged|slurm.*|ld-linux-x86-64'; }

on_both snapshot || exit
mkdir -p $pairs $munge /run/slurm || exit
cp /etc/zcrx-hwtest/net.config $pairs/bnxt.config || exit
cp /etc/zcrx-hwtest/nic1.config $pairs/mlx5.config || exit
cp -r /share/slurm /etc || exit
(umask 077 && head -c 128 /dev/urandom >$munge/key) || exit
start munged --foreground --force --socket=$munge/socket --key-file=$munge/key \
  --log-file=$munge/log --pid-file=$munge/pid --seed-file=$munge/seed
wait_for 30 test -S $munge/socket
start slurmctld -D -i
start slurmd -D -N dut
wait_for 60 idle

cd /results || exit # for the reports
batch=$bundle/slurm/zcrx.sbatch
first=$(submit --gres=zcrx:bnxt:1 $batch "$filter" --gtest_repeat=1000) || exit
second=$(submit --gres=zcrx:mlx5:1 $batch "$filter" --gtest_repeat=1000) || exit
wait_for 120 caught nic0 "$first"
wait_for 120 caught nic1 "$second"
case_of changed_nic0 zcrx_nic --netif=nic0 diff /tmp/nic0
case_of changed_nic1 zcrx_nic --netif=nic1 diff /tmp/nic1
# The first has a guardian, which puts the NIC back; for the second only the Epilog is left.
pkill -KILL -f '/zcrx_nic.elf guard nic1 ' || exit
signal KILL "$first" || exit
signal KILL "$second" || exit
wait_for 120 ended
case_of as_found on_both diff

for _ in 1 2 3 4; do submit $batch "$filter" >/dev/null || exit; done
wait_for 180 ended
case_of as_found_again on_both diff
case_of jobs squeue --noheader --states=all --sort=i --format='%i %T %S %e'
case_of drained reasons
case_of left_of_jobs find $run -mindepth 2 ! -name 'lock:*'

case_of daemons none_runs
scontrol shutdown || exit
pkill -x munged || exit
wait_for 30 none_runs
