"""conf/slurm on a cluster whose nodes have a NIC each: what jobs leave behind, however they end.

Everything that Slurm and the kernel do is real; the NICs are veth pairs (rack.py says why). It needs
root, and is skipped without.

ZCRX_RACK_JOBS says how many jobs run while processes are killed (nightly 20; few by default),
ZCRX_SEED repeats what a run has killed when.
"""

import os
import random
import re
import signal
import time
import unittest
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import rack
from harness import LabTest, names_of_all_tests
from rack import CONF, Rack

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.results import junit
from vlab.results.outcome import Outcome

_NODES = {"a": ("bnxt", "02:00:00:00:00:0a"), "b": ("mlx5", "02:00:00:00:00:0b")}
_GRES = {node: f"zcrx:{driver}:1" for node, (driver, _) in _NODES.items()}
_ON_A = ("--nodelist=a", "--gres=zcrx:1", "--output=/dev/null")
_SOON = {"BatchStartTimeout": "3"}  # until slurmctld misses a job that no slurmstepd has
_RENAME = "ip link set nic_a down mtu 1300 name other"  # settings, and a NIC that cannot be found
_FEW_JOBS = 6
_LOOK_S = 4
_LIMIT_S = 30  # for a job and what comes before and after it
_PROCESSES = {"job": r"/job0*(\d+)/slurm_script", "slurmstepd": r"slurmstepd: \[(\d+)\.batch\]"}
_JOB = """\
#!/bin/bash
# Takes the node's NIC for itself, sees whether it is as it was, and changes what it can.
nic=$(sed -n 's/^NETIF=//p' "$RACK/$SLURMD_NODENAME/run/jobs/$SLURM_JOB_ID"/*.config)
say() { echo "$SLURM_JOB_ID ${SLURM_RESTART_COUNT:-0} $SLURMD_NODENAME $$ $*" >>"$RACK/events"; }
[[ -n $nic ]] || { say "has no pair"; exit 1; }
exec 9>"$RACK/$nic.lock"
flock -n 9 || say overlaps "$nic"
said=$(zcrx_nic "--netif=$nic" diff "$RACK/$nic.state" 2>&1)
case $? in 1 | 2) say differs "$said" ;; esac # more: killed
say starts
ip link set "$nic" mtu $((1280 + RANDOM % 200))
ethtool -L "$nic" rx 2 tx 3
ethtool -K "$nic" gro on
sleep "$1"
say ends
"""


@dataclass(frozen=True)
class Bad:
    """Of a node: its resources, the NICs of its files, what is said of it."""

    gres: str
    netifs: dict[str, str]
    sentence: str


_BAD = {
    "two": Bad(
        "zcrx:bnxt:2", {"bnxt": "nic_a"},
        "Gres=zcrx:bnxt:2 of two in slurm.conf names 2 NICs in one resource: give each NIC a type",
    ),
    "shared": Bad(
        "zcrx:bnxt:1,zcrx:mlx5:1", {"bnxt": "nic_a", "mlx5": "nic_a"},
        "{pairs}/bnxt.config and {pairs}/mlx5.config both name nic_a: two resources cannot share",
    ),
    "untyped": Bad("zcrx:1", {"bnxt": "nic_a"}, "Gres=zcrx of untyped in slurm.conf has no type"),
    "missing": Bad("zcrx:bnxt:1", {}, "GRES zcrx:bnxt has no file {pairs}/bnxt.config"),
    "gone": Bad(
        "zcrx:bnxt:1", {"bnxt": "nic_z"},
        "GRES zcrx:bnxt, {pairs}/bnxt.config: open NIC nic_z: no network interface nic_z; there",
    ),
    "both": Bad(
        "zcrx:bnxt:1", {"bnxt": "nic_a nic_b"},
        "GRES zcrx:bnxt, {pairs}/bnxt.config: read the configuration "
        '(flags, environment, net.config): NETIF = "nic_a nic_b" ({pairs}/bnxt.config:1) is not a valid',
    ),
    "closed": Bad("zcrx:bnxt:1", {"bnxt": "nic_a"}, "cannot write to {run}: Not a directory"),
}  # fmt: skip


@dataclass(frozen=True)
class Event:
    job: str
    restart: int
    node: str
    pid: int
    text: str


@dataclass
class Killer:
    """Kills one process after the other: of jobs, their slurmstepds, slurmds and slurmctld."""

    one: Rack
    numbers: random.Random
    kinds: list[str] = field(default_factory=list)
    struck: dict[str, str] = field(default_factory=dict)  # jobs that may fail, and why
    counts: Counter[str] = field(default_factory=Counter)

    def strike(self) -> None:
        if not self.kinds:
            self.kinds = ["job", "slurmstepd", "slurmd", "slurmctld"]
            self.numbers.shuffle(self.kinds)
        kind = self.kinds.pop()
        if kind == "slurmctld":
            self.one.cluster.kill("slurmctld")
            self.one.cluster.start_controller()
        elif kind == "slurmd":
            self._restart_node(self.numbers.choice(list(_NODES)))
        elif not self._kill_of_job(kind):
            self.kinds.append(kind)  # none runs yet
            return
        self.counts[kind] += 1

    def _kill_of_job(self, kind: str) -> bool:
        pattern = _PROCESSES[kind]
        found = []
        for pid in self.one.cluster.pids(pattern):
            job = _of_command(pid, pattern)
            # An orphan of a killed slurmstepd runs on until the next Prolog.
            if job is not None and job not in self.struck:
                found.append((pid, job))
        if not found:
            return False
        pid, job = self.numbers.choice(sorted(found))
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.struck[job] = kind
        return True

    def _restart_node(self, node: str) -> None:
        self.one.cluster.kill(node)
        self.one.cluster.start_node(node)


def _of_command(pid: int, pattern: str) -> str | None:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return None
    match = re.search(pattern, words)
    return match[1] if match else None


def events(one: Rack) -> list[Event]:
    file = one.folder / "events"
    found = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        job, restart, node, pid, text = line.split(maxsplit=4)
        found.append(Event(job, int(restart), node, int(pid), text))
    return found


# In a user namespace slurmctld ends at once: setgroups(2) is denied.
@unittest.skipIf(os.geteuid() != 0, "only root may have a network namespace and Slurm's daemons")
class SlurmRacks(LabTest):
    @classmethod
    def setUpClass(cls) -> None:
        rack.move_to_own_network()
        for node, (_, address) in _NODES.items():
            rack.add_nic(f"nic_{node}", address)

    def make(self, one: Rack) -> Path:
        """The nodes' pairs, their NICs as they are to be, and the script of a job."""
        one.cluster.environment["RACK"] = str(one.folder)
        for node, (driver, _) in _NODES.items():
            config = one.pairs(node) / f"{driver}.config"
            config.write_text(f"NETIF=nic_{node}\n", encoding="utf-8")
            one.keep(f"nic_{node}")
        script = one.folder / "job"
        script.write_text(_JOB, encoding="utf-8")
        return script

    def test_killed_processes(self) -> None:
        seed = int(os.environ.get("ZCRX_SEED", random.randrange(1 << 16)))
        count = int(os.environ.get("ZCRX_RACK_JOBS", _FEW_JOBS))
        numbers = random.Random(seed)
        print(f"ZCRX_SEED={seed}: {count} jobs")
        with self.subTest(seed=seed), rack.rack(self.folder, _GRES, _SOON) as one:
            script = self.make(one)
            lengths = [f"{numbers.uniform(0.3, 2):.1f}" for _ in range(count)]
            words = ("--gres=zcrx:1", "--requeue", f"--output={self.folder}/job-%j.log")
            jobs = [one.submit(*words, script, length) for length in lengths]
            # A job that slurmctld has not yet saved is lost with it.
            state = one.cluster.folder / "state/job_state"
            now = time.time()
            one.cluster.wait(lambda: state.stat().st_mtime > now, "slurmctld saves its jobs")

            killer = Killer(one, numbers)
            states = self.run_out(killer, jobs)
            for node in _NODES:
                self.restored(one, node)
            self.accounted(one, killer, states)

    def run_out(self, killer: Killer, jobs: list[str]) -> dict[str, str]:
        """Kills until as many processes as there are jobs are gone, and all jobs have ended."""
        deadline, look = Deadline(len(jobs) * _LIMIT_S), Deadline(_LOOK_S)
        while True:
            try:
                if look.remaining() == 0:
                    # Nodes then tell slurmctld which jobs they have; else they do so now and then,
                    # and so long it waits for jobs whose end it has not heard of.
                    killer.one.cluster.run("scontrol", "reconfigure")
                    self.resume(killer.one)
                    look = Deadline(_LOOK_S)
                states = killer.one.cluster.jobs()
            except LabError:  # slurmctld has just been killed
                states = {}
            if states and not set(states.values()) & rack.RUNNING:
                break
            self.assertGreater(deadline.remaining(), 0, f"jobs do not end: {states}")
            if sum(killer.counts.values()) < len(jobs):
                killer.strike()
            time.sleep(killer.numbers.uniform(0.2, 1.2))  # for Slurm to get on
        self.assertEqual(sorted(states), sorted(jobs), "no job is lost")
        return states

    def resume(self, one: Rack) -> None:
        """Slurm itself drains a node on which what a killed slurmstepd has left of a job is in the
        way of the job's next run. No other reason is expected."""
        for node in _NODES:
            if reason := one.reason(node):
                self.assertEqual(reason, "Duplicate jobid")
                one.cluster.run("scontrol", "update", f"NodeName={node}", "State=RESUME")

    def restored(self, one: Rack, node: str) -> None:
        """Nothing is left to be put back; at the latest the next job's Prolog has done it."""
        self.resume(one)
        if one.snapshots(node):
            words = (f"--nodelist={node}", "--gres=zcrx:1", "--output=/dev/null", "--wrap=:")
            job = one.submit(*words)
            self.assertEqual(one.ended(job), "COMPLETED")
        self.assertEqual(one.snapshots(node), [])
        self.assertEqual(one.difference(f"nic_{node}"), "")

    def accounted(self, one: Rack, killer: Killer, states: dict[str, str]) -> None:
        found = events(one)
        for event in found:
            self.assertFalse(event.text.startswith(("overlaps", "differs")), event)
        started = Counter((event.job, event.restart) for event in found if event.text == "starts")
        again = {run: times for run, times in started.items() if times > 1}
        print(f"killed {dict(killer.counts)}, jobs {dict(Counter(states.values()))}")
        print(f"runs {sum(started.values())}, run again uncounted by Slurm: {again or 'none'}")
        controller = (one.cluster.folder / "log/slurmctld").read_text(errors="replace")
        for job, state in states.items():
            if job in killer.struck and state != "COMPLETED":
                continue
            story = [event.text for event in found if event.job == job]
            # What slurmctld has not saved when it is killed it does not know afterwards: of an end,
            # it starts the job anew, and fails it as the node remembers; of a start, slurmd may run
            # the job without a Prolog; of an end, it may start it anew so.
            revoked = f"Killing non-startable batch JobId={job}: Job credential revoked" in controller
            ends = controller.count(f"_job_complete: JobId={job} done")
            unserved = killer.counts["slurmctld"] and (
                set(story) == {"has no pair"}
                or (story == ["starts", "ends", "has no pair"] and ends == 2)
            )
            if state == "COMPLETED" or revoked:
                self.assertIn("ends", story, f"job {job} is {state}")
            else:
                self.assertTrue(unserved, f"job {job} is {state}: {story}")
        if not killer.counts["slurmctld"]:
            self.assertEqual(again, {})

    def test_a_job_that_slurm_has_lost(self) -> None:
        """Nobody ends it or puts its NIC back, until the next job's Prolog does both."""
        with rack.rack(self.folder, _GRES, _SOON) as one:
            script = self.make(one)
            lost = one.submit("--no-requeue", *_ON_A, script, "3600")
            one.cluster.wait(lambda: [e.text for e in events(one)] == ["starts"], "the job runs")
            one.cluster.wait(lambda: one.difference("nic_a") != "", "it changes its NIC")
            (daemon,) = one.cluster.pids(rf"slurmstepd: \[{lost}\.batch\]")
            os.kill(daemon, signal.SIGKILL)
            following = one.submit(*_ON_A, script, "0")
            deadline = Deadline(2 * _LIMIT_S)
            while one.cluster.jobs()[lost] in rack.RUNNING:
                self.assertGreater(deadline.remaining(), 0, one.cluster.jobs())
                one.cluster.run("scontrol", "reconfigure")  # the node tells which jobs it has
                time.sleep(_LOOK_S)  # Slurm starts no job if it is asked again and again
            self.assertEqual(one.ended(following), "COMPLETED")
            self.assertEqual(one.cluster.jobs()[lost], "NODE_FAIL")
            told = [(event.job, event.text) for event in events(one)]
            self.assertEqual(told, [(lost, "starts"), (following, "starts"), (following, "ends")])
            self.assertEqual(one.cluster.pids(rf"/job0*{lost}/slurm_script"), [])
            self.assertEqual(one.snapshots("a"), [])
            self.assertEqual(one.difference("nic_a"), "")

    def test_a_nic_that_cannot_be_put_back(self) -> None:
        """Its node is drained; once resumed, the next job's Prolog puts it back."""
        with rack.rack(self.folder, _GRES) as one:
            script = self.make(one)
            first = one.submit(*_ON_A, f"--wrap={_RENAME}")
            reason = one.drained("a")
            why = f"zcrx: nic_a, left by job {first}: open NIC nic_a: no network interface nic_a; "
            self.assertTrue(reason.startswith(why), reason)
            self.assertIn(f"snapshots/{first}:nic_a)", reason)
            self.assertEqual(one.reason("b"), "")
            self.assertEqual(one.ended(first), "COMPLETED")

            rack.ip("link", "set", "other", "name", "nic_a")
            one.cluster.run("scontrol", "update", "NodeName=a", "State=RESUME")
            self.assertEqual(one.ended(one.submit(*_ON_A, script, "0")), "COMPLETED")
            self.assertEqual([event.text for event in events(one)], ["starts", "ends"])
            self.assertEqual(one.difference("nic_a"), "")
            self.assertEqual(one.snapshots("a"), [])

    def test_a_job_that_runs_again_where_its_nic_was_not_put_back(self) -> None:
        with rack.rack(self.folder, _GRES) as one:
            self.make(one)
            once = f"--wrap=[ ${{SLURM_RESTART_COUNT:-0}} != 0 ] || {_RENAME}"
            job = one.submit("--requeue", *_ON_A, once)
            one.drained("a")
            self.assertEqual(one.ended(job), "COMPLETED")
            rack.ip("link", "set", "other", "name", "nic_a")
            one.cluster.run("scontrol", "update", "NodeName=a", "State=RESUME")
            one.cluster.run("scontrol", "requeue", job)
            self.assertEqual(one.ended(job), "COMPLETED")
            self.assertEqual(one.reason("a"), "")
            self.assertEqual(one.difference("nic_a"), "")
            self.assertEqual(one.snapshots("a"), [])

    def test_bad_input(self) -> None:
        """Each drains its node, in a sentence, and the job waits for another."""
        with rack.rack(self.folder, {node: bad.gres for node, bad in _BAD.items()}) as one:
            for node, bad in _BAD.items():
                for driver, netif in bad.netifs.items():
                    config = one.pairs(node) / f"{driver}.config"
                    config.write_text(f"NETIF={netif}\n", encoding="utf-8")
            one.run("closed").write_text("", encoding="utf-8")
            plain = one.submit("--nodelist=closed", "--output=/dev/null", "--wrap=:")
            self.assertEqual(one.ended(plain), "COMPLETED", "a job without a pair needs nothing")
            words = ("--gres=zcrx:1", "--output=/dev/null", "--wrap=:")
            jobs = [one.submit(f"--nodelist={node}", *words) for node in _BAD]
            for node, bad in _BAD.items():
                with self.subTest(node):
                    sentence = bad.sentence.format(pairs=one.pairs(node), run=one.run(node))
                    self.assertIn(f"zcrx: {sentence}", one.drained(node))
            one.cluster.wait(
                lambda: all(one.cluster.jobs()[job] == "PENDING" for job in jobs), "the jobs wait"
            )

    def test_the_batch_script(self) -> None:
        """It runs the suite, and nothing of the first run is lost when a job runs again."""
        with rack.rack(self.folder, _GRES) as one:
            self.make(one)
            results = self.folder / "results"
            results.mkdir()
            submitter = f"--export=ALL,ZCRX_RUN={one.run('a')},NETIF=no/nic"  # not the job's
            place = [f"--chdir={results}", submitter, "--nodelist=a"]

            without = one.submit(*place, "--gres=none", CONF / "zcrx.sbatch")
            self.assertEqual(one.ended(without), "FAILED")
            log = (results / f"zcrx-{without}.log").read_text(encoding="utf-8")
            self.assertIn(f"zcrx.sbatch: job {without} has no pair on a: submit it with", log)

            # The pair's file is not whole, which is all that is wrong.
            needs = one.submit(*place, CONF / "zcrx.sbatch", "--gtest_filter=ZcrxReceive*")
            self.assertEqual(one.ended(needs), "FAILED")
            log = (results / f"zcrx-{needs}.log").read_text(encoding="utf-8")
            self.assertIn("REMOTE_ARGS is missing", log)
            self.assertNotIn("no/nic", log)

            job = one.submit(*place, CONF / "zcrx.sbatch", "--gtest_filter=ZcrxNodev*")
            again = f"zcrx.sbatch: job {job} has begun before"
            first, log = self.ran(one, job, results / f"zcrx-{job}/run-1")
            self.assertNotIn(again, log)
            one.cluster.run("scontrol", "requeue", job)
            second = results / f"zcrx-{job}/run-2"
            one.cluster.wait(second.exists, "it runs again")
            outcomes, log = self.ran(one, job, second)
            self.assertEqual(outcomes, first)
            self.assertIn(again, log)
            runs = (results / f"zcrx-{job}/runs").read_text(encoding="utf-8")
            self.assertRegex(runs, r"(?s)run 1 on a \(bnxt\), restart 0\n.*run 2 on .*restart 1\n$")
            self.assertEqual(one.snapshots("a"), [])

    def ran(self, one: Rack, job: str, run: Path) -> tuple[Counter[Outcome], str]:
        """The outcomes in the report, which the job's state agrees with, and the job's log."""
        state = one.ended(job)
        log = run.parent.with_name(f"zcrx-{job}.log").read_text(encoding="utf-8")
        outcomes = Counter(case.outcome for case in junit.read(run / "junit.xml"))
        nodev = [name for name in names_of_all_tests() if name.startswith("ZcrxNodev")]
        self.assertEqual(outcomes.total(), len(nodev), log)
        # On a kernel older than the feature all are skipped, and that is status 4.
        passed = outcomes[Outcome.PASSED] > 0 and outcomes[Outcome.FAILED] == 0
        self.assertEqual(state, "COMPLETED" if passed else "FAILED", log)
        return outcomes, log


if __name__ == "__main__":
    unittest.main()
