"""Labs that are no labs: when a fault's run gets a new one, and what is asked of the suite."""

import tempfile
import unittest
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.faults import fault_lab
from vlab.faults.catalogue import FaultKind, InjectedFault
from vlab.faults.detection import FaultReport
from vlab.faults.fault_lab import Task
from vlab.machines.lab import Lab
from vlab.results.outcome import Case, Outcome
from vlab.suites.suite import OurSuite, Ran

_PASSED = [Case("A.a", Outcome.PASSED)]
_FAILED = [Case("A.a", Outcome.FAILED, "said")]


class FakeLab:
    """`broken`: its NIC process does not answer. `sick`: does not get over its fault."""

    def __init__(self, out: Path) -> None:
        self.plan = mock.Mock(out=out)
        for guest in ("dut", "peer"):
            (out / f"{guest}-console.log").write_bytes(b"[ 1.0] WARNING: old\n")
        self.fault = ""
        self.sick = self.broken = False

    def set_fault(self, text: str) -> None:
        self.fault = text

    def clear_faults(self) -> dict[str, int]:
        if self.broken:
            raise LabError("no answer")
        told = {f"{self.fault}=7": 3} if self.fault else {}
        self.fault = ""
        return told


class FakeSuite(OurSuite):
    """What comes of a run is a matter of the fault's name."""

    def __init__(self) -> None:
        self.words: list[Sequence[str]] = []

    def run(self, lab: Any, words: Sequence[str], log: Path, deadline: Deadline) -> Ran:
        self.words.append(words)
        if lab.fault == "dies":
            lab.broken = True
            return Ran(_FAILED, 1.0, "the guest dut ended")
        if lab.fault == "sickens":
            lab.sick = True
        if lab.fault == "grumbles":
            with open(lab.plan.out / "dut-console.log", "ab") as console:
                console.write(b"[ 2.0] WARNING: new\n")
        return Ran(_FAILED if lab.fault or lab.sick else _PASSED, 1.0)


class FaultLab(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.suite = FakeSuite()
        self.labs: list[FakeLab] = []
        for target, fake in [
            ("lab", self.booted),
            ("replace", lambda plan, out: mock.Mock(out=out)),
            ("OurSuite", lambda: self.suite),
            ("progress", mock.Mock()),
        ]:
            patch = mock.patch.object(fault_lab, target, fake)
            patch.start()
            self.addCleanup(patch.stop)

    @contextmanager
    def booted(self, plan: Any) -> Iterator[FakeLab]:
        self.labs.append(FakeLab(plan.out))
        yield self.labs[-1]

    def run_faults(self, *names: str, quick: bool = False) -> FaultReport:
        plan = mock.Mock(out=self.folder)
        plan.kernel.version = "7.3.4"
        settings = [
            InjectedFault(FaultKind(name, ["gve"], "", True, by=[f"A.{name}"]), name) for name in names
        ]
        return fault_lab.run(Task("gve", plan, self.suite, settings, quick, 10.0))

    def test_one_lab_for_all_faults_and_a_look_at_the_nic_between(self) -> None:
        found = self.run_faults("drops", "flips")
        self.assertEqual(len(self.labs), 1)
        self.assertEqual([row.bites for row in found.rows], [3, 3])
        self.assertEqual(found.without.cases, _PASSED)
        self.assertEqual([row.cases for row in found.rows], [_FAILED, _FAILED])
        control = fault_lab._CONTROL
        self.assertEqual(self.suite.words, [[], [], control, []], "none after the last")

    def test_a_nic_that_does_not_recover_and_a_lab_that_broke_are_left(self) -> None:
        found = self.run_faults("sickens", "dies", "drops")
        self.assertEqual(len(self.labs), 3)
        self.assertEqual([row.bites for row in found.rows], [3, None, 3])
        self.assertEqual(found.rows[1].trouble, "the guest dut ended")

    def test_complaints_are_those_of_the_faults_own_time(self) -> None:
        found = self.run_faults("grumbles", "drops")
        self.assertEqual(found.without.complaints, [])
        self.assertEqual(found.rows[0].complaints, ["dut: WARNING: new"])
        self.assertEqual(found.rows[1].complaints, [])

    def test_quick_runs_what_each_fault_names(self) -> None:
        self.run_faults("drops", "flips", quick=True)
        without, drops, _control, flips = self.suite.words
        self.assertEqual(without, ["--gtest_filter=A.drops:A.flips"])
        self.assertEqual((drops, flips), (["--gtest_filter=A.drops"], ["--gtest_filter=A.flips"]))


if __name__ == "__main__":
    unittest.main()
