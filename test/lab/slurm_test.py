"""ci/lab --on slurm, on a cluster of its own: each lab is reported once and as on this machine,
whatever of the cluster is killed meanwhile; and what may be wrong with a cluster is a sentence.

ZCRX_SLURM_KILLS says how many processes of tasks, nodes and the controller are killed at random
times (none by default), ZCRX_SEED repeats them.
"""

import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import time
import unittest
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness import LIMIT_S, LabTest
from slurm_cluster import Cluster, Node, cluster

from vlab.base.errors import LabError
from vlab.results import junit
from vlab.results.folder import JUNIT
from vlab.results.outcome import Outcome

_TWO = (Node("n1"), Node("n2"))
_LABS = ("--nics", "none", "--kernels", "6.18,7.3")  # seconds each
_SHORT = ("--nics", "none", "--kernels", "6.12,6.18")
_ENDS_S = 60.0  # KillWait, and what it takes Slurm
_KILLS = int(os.environ.get("ZCRX_SLURM_KILLS", "0"))
_ALL = ("--nics", "none")  # each kernel
_LONG = unittest.skipUnless(_KILLS, "for the nightly check: ZCRX_SLURM_KILLS is not set")
_AS_ROOT = unittest.skipIf(os.getuid() != 0, "only root may mount")


class Slurm(LabTest):
    def matrix(
        self, one: Cluster | None, *arguments: str, **changes: str
    ) -> subprocess.CompletedProcess[str]:
        """On the cluster; on this machine without one."""
        if one is None:
            return self.lab("matrix", *arguments)
        return self.lab("matrix", "--on", "slurm", *arguments, **{**one.environment, **changes})

    def cells(self, out: Path | None = None) -> dict[str, dict[str, str]]:
        """Each lab's tests and outcomes, and that all forms have each lab once."""
        folder = out or self.out
        whole: dict[str, Any] = json.loads((folder / "matrix.json").read_text(encoding="utf-8"))
        names = [f"{cell['nic']}-{cell['kernel']}" for cell in whole["cells"]]
        self.assertEqual(len(set(names)), len(names), names)
        suites = [path.parent.name for path in folder.glob("*/junit.xml")]
        self.assertEqual(sorted(suites), sorted(names))
        tests = [cell["tests"] for cell in whole["cells"]]
        found = {}
        for name, of_lab in zip(names, tests, strict=True):
            found[name] = {test["name"]: test["outcome"] for test in of_lab}
            self.assertEqual(len(found[name]), len(of_lab), f"{name}: a test is there twice")
        return found

    def locally(self, *arguments: str) -> dict[str, dict[str, str]]:
        done = self.matrix(None, *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        found = self.cells()
        shutil.rmtree(self.out)
        return found

    def passed(self, process: "subprocess.Popen[bytes]") -> str:
        """Standard error of one that has to end well, with nothing left."""
        out, err = process.communicate(timeout=LIMIT_S)
        said = (out + err).decode(errors="replace")
        self.assertEqual(process.returncode, 0, said)
        self.assertEqual([path.name for path in self.out.glob(".*")], [])
        return said

    def tasks(self, one: Cluster, number: int) -> dict[str, int]:
        """Waits for so many tasks; their processes, by node."""
        found: dict[str, int] = {}

        def running() -> bool:
            found.clear()
            for pid in one.pids(r"-m vlab\.base\.slurm_task"):
                with suppress(FileNotFoundError, ProcessLookupError):  # a child that has ended
                    found[_variable(pid, "SLURMD_NODENAME")] = pid
            beats = list(self.out.glob(".zcrx-lab-*/*.*.*/beat"))
            return len(found) == number and len(beats) == number

        one.wait(running, f"{number} tasks run")
        return found

    def states(self, one: Cluster) -> list[str]:
        """Of all tasks, when those that are cancelled have ended."""
        active = ("PENDING", "RUNNING", "COMPLETING")
        one.wait(lambda: not set(active) & set(one.jobs().values()), "all tasks end")
        return list(one.jobs().values())

    def over(self, one: Cluster) -> bool:
        return set(one.jobs().values()) <= {"COMPLETED", "FAILED", "CANCELLED"}


class Labs(Slurm):
    def test_what_is_killed_is_run_again_and_counts_once(self) -> None:
        expected = self.locally(*_LABS)
        with cluster(_TWO) as one:
            process = self.start("matrix", "--on", "slurm", *_LABS, **one.environment)
            tasks = self.tasks(one, 2)
            os.kill(_parent(tasks["n1"]), signal.SIGKILL)  # its slurmstepd: Slurm hears of nothing
            os.kill(tasks["n1"], signal.SIGKILL)
            one.kill("n2")  # its task goes on
            said = self.passed(process)
            self.assertEqual(said.count("it is run again"), 1, said)
            self.assertEqual(self.cells(), expected)
        self.assert_nothing_left()

    @_LONG
    def test_what_slurm_holds_is_run_again_on_another_node(self) -> None:
        """As after a Prolog that fails; Slurm drains the node."""
        expected = self.locally(*_LABS)
        prolog = self.folder / "prolog"
        prolog.write_text('#!/bin/sh\n[ "$SLURMD_NODENAME" != n1 ]\n', encoding="ascii")
        prolog.chmod(0o755)
        with cluster(_TWO, {"Prolog": str(prolog)}) as one:
            limit = ("--start-limit", "60")
            process = self.start("matrix", "--on", "slurm", *_LABS, *limit, **one.environment)
            said = self.passed(process)
            self.assertEqual(said.count("it is run again"), 1, said)
            self.assertEqual(self.cells(), expected)
        self.assert_nothing_left()

    @_LONG
    def test_faults(self) -> None:
        few = ("--nics", "gve", "--faults", "rule-ignored", "--quick")
        with cluster(_TWO) as one:
            done = self.lab("faults", "--on", "slurm", *few, **one.environment)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("gve:\n", done.stdout)
            self.assertEqual(set(one.jobs().values()), {"COMPLETED"})
        (found,) = (self.out / "gve").glob("faults.json")
        self.assertIn("rule-ignored", found.read_text(encoding="utf-8"))
        self.assert_nothing_left()

    def test_interrupted_it_cancels_its_tasks_and_waits_for_them(self) -> None:
        with cluster(_TWO) as one:
            process = self.start("matrix", "--on", "slurm", *_LABS, **one.environment)
            self.tasks(one, 2)
            begin = time.monotonic()
            process.terminate()
            process.communicate(timeout=LIMIT_S)
            self.assertEqual(process.returncode, 128 + signal.SIGTERM)
            self.assertLess(time.monotonic() - begin, _ENDS_S)
            self.assertEqual(set(one.jobs().values()), {"CANCELLED"})
            self.assert_nothing_left()  # of the labs, before the cluster ends

    @_LONG
    def test_killed_it_leaves_tasks_that_the_next_run_cancels(self) -> None:
        with cluster(_TWO) as one:
            process = self.start("matrix", "--on", "slurm", *_LABS, **one.environment)
            self.tasks(one, 2)
            process.kill()
            process.communicate(timeout=LIMIT_S)
            done = self.matrix(one, *_SHORT, "--limit", "1")
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertEqual(sorted(self.states(one)), ["CANCELLED"] * 2 + ["COMPLETED"] * 2)
            self.assertEqual([path.name for path in self.out.glob(".*")], [])
            self.assert_nothing_left()


class Refusals(Slurm):
    """Each costs seconds: no guest boots, or one that is ended."""

    def refused(
        self, one: Cluster, said: str, *arguments: str, status: int = 5, **changes: str
    ) -> None:
        done = self.matrix(one, *(arguments or _LABS), **changes)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        last = done.stderr.splitlines()[-1]
        self.assertRegex(last, said)
        self.assertNotIn("Traceback", done.stderr)
        one.wait(lambda: self.over(one), "no task is left")

    def test_a_cluster_that_cannot_run_labs(self) -> None:
        with cluster(_TWO) as one:
            with self.subTest("a controller that is away"):
                away = one.folder / "away.conf"
                text = one.configuration.read_text(encoding="utf-8")
                away.write_text(text.replace("SlurmctldPort=", "SlurmctldPort=1\n#"))
                said = r"^ci/lab: Slurm's controller does not answer \(.*connect failure\)\)$"
                self.refused(one, said, SLURM_CONF=str(away))
            with self.subTest("another cluster's munge key"), cluster(_TWO[:1]) as other:
                foreign = one.folder / "foreign.conf"
                foreign.write_text(text.replace(str(one.socket), str(other.socket)))
                said = "^ci/lab: Slurm does not take this machine's credential: munged is not running here, or its key is another"  # fmt: skip
                self.refused(one, said, SLURM_CONF=str(foreign))
            with self.subTest("a partition that is not there"):
                said = "^ci/lab: Slurm refused: sbatch: error: .*invalid partition"
                self.refused(one, said, SBATCH_PARTITION="none")
            with self.subTest("a lab that outlives its limit"):
                done = self.matrix(one, *_LABS, "--limit", "1")
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertEqual(done.stderr.count("no result: the lab timed out after 1 s"), 2)
            with self.subTest("drained nodes"):
                for name in one.nodes:
                    drain = ("state=drain", "reason=fan")
                    one.run("scontrol", "update", f"nodename={name}", *drain)
                said = "^ci/lab: no lab could run for 1 s, Slurm says: Nodes required for job are DOWN, DRAINED"  # fmt: skip
                self.refused(one, said, *_LABS, "--start-limit", "1")

    @_AS_ROOT
    def test_a_folder_that_the_node_does_not_share(self) -> None:
        self.out.mkdir()
        with cluster([Node("n1", within=_without(self.out))]) as one:
            said = f"^ci/lab: node n1 does not have this machine's {self.out}: choose a folder that all nodes share with --out$"  # fmt: skip
            self.refused(one, said)

    @_AS_ROOT
    def test_a_node_without_the_kernels_that_cannot_fetch_them_says_so(self) -> None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zcrx-hwtest"
        away = {"ZCRX_DEBIAN_MIRROR": "http://127.0.0.1:9"}  # this machine has all it needs
        with cluster([Node("n1", within=_without(cache / "kernels", cache / "apt"))]) as one:
            done = self.matrix(one, "--nics", "none", "--kernels", "7.3", **away)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stderr, "no result: apt-get update: .*127.0.0.1")

    @_LONG
    @_AS_ROOT
    def test_a_disk_that_is_full_is_told_and_nothing_before_is_lost(self) -> None:
        self.out.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", self.out], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", "--lazy", self.out], check=True))
        with cluster([Node("n1")]) as one:
            process = self.start("matrix", "--on", "slurm", *_SHORT, **one.environment)
            first = "none-6.18.*/" + JUNIT
            one.wait(lambda: bool(list(self.out.glob(first))), "a result", LIMIT_S)
            with self.assertRaisesRegex(OSError, "No space left"):
                with open(self.out / "filler", "wb", buffering=0) as filler:
                    while filler.write(b"x" * 4096):
                        pass
            out, err = process.communicate(timeout=LIMIT_S)
        said = (out + err).decode(errors="replace")
        self.assertEqual(process.returncode, 5, said)
        self.assertIn(f"node n1 could not use {self.out}: No space left on device", said)
        self.assertNotIn("Traceback", said)
        (kept,) = self.out.glob(first)
        self.assertIn(Outcome.PASSED, {case.outcome for case in junit.read(kept)})
        self.assert_nothing_left()


@_LONG
class Long(Slurm):
    def test_labs_take_as_long_as_there_are_slots(self) -> None:
        """Prints the figures: how they compare depends on the machine's cores."""
        expected, seconds = self.locally(*_ALL), {}
        for slots in (1, 2, 4):
            with cluster([Node(f"n{number}") for number in range(slots)]) as one:
                begin = time.monotonic()
                done = self.matrix(one, *_ALL)
                seconds[slots] = time.monotonic() - begin
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertEqual(self.cells(), expected)
            self.assert_nothing_left()
            shutil.rmtree(self.out)
            begin = time.monotonic()
            self.locally(*_ALL, "--jobs", f"{slots}")
            local = time.monotonic() - begin
            print(f"{slots} slots: {seconds[slots]:.1f} s, this machine {local:.1f} s", flush=True)

    def test_a_storm(self) -> None:
        dice = random.Random(seed := os.environ.get("ZCRX_SEED", str(time.time_ns())))
        print(f"ZCRX_SEED={seed}")
        expected = self.locally(*_ALL)
        left = _KILLS
        while left:
            with cluster(_TWO) as one:
                process = self.start("matrix", "--on", "slurm", *_ALL, **one.environment)
                killed: set[str] = set()
                for _ in range(min(left, 6)):
                    left -= 1
                    time.sleep(dice.uniform(0, 8))
                    if process.poll() is None:
                        _kill(one, dice, killed)
                        _resume(one)
                self.passed(process)
                self.assertEqual(self.cells(), expected)
            self.assert_nothing_left()
            shutil.rmtree(self.out)


def _kill(one: Cluster, dice: random.Random, killed: set[str]) -> None:
    """No task twice: its third loss, be it Slurm's fault, is its end. `killed`: which were."""
    what = dice.choice(("task", "step", "n1", "n2", "slurmctld"))
    if what in one.daemons:
        one.kill(what)
        time.sleep(dice.uniform(0, 3))
        one.start_controller() if what == "slurmctld" else one.start_node(what)
    elif tasks := one.pids(r"-m vlab\.base\.slurm_task"):
        task = dice.choice(tasks)
        try:
            number = _variable(task, "SLURM_ARRAY_TASK_ID")
            if number in killed:
                return
            killed.add(number)
            if what == "step":
                os.kill(_parent(task), signal.SIGKILL)
            os.kill(task, signal.SIGKILL)
        except (OSError, IndexError):  # it has just ended
            pass


def _resume(one: Cluster) -> None:
    """Slurm drains a node that still has a job of the number that a killed controller, which has
    forgotten it, gives again."""
    with suppress(LabError):  # the controller is not there yet
        for name, state in one.states().items():
            if state.startswith("drain"):
                one.run("scontrol", "update", f"nodename={name}", "state=resume")


def _parent(pid: int) -> int:
    """The slurmstepd of a task."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    return int(stat.rpartition(")")[2].split()[1])


def _variable(pid: int, name: str) -> str:
    for word in Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0"):
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return ""


def _without(*folders: Path) -> list[str]:
    """Starts a program for which these folders are empty."""
    mounts = [f"mount -t tmpfs none {shlex.quote(str(folder))}" for folder in folders]
    script = " && ".join([*mounts, 'exec "$@"'])
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


if __name__ == "__main__":
    unittest.main()
