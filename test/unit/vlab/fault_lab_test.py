"""Fake labs: each run under a fault gets one of its own. What is asked of the suite in it."""

import datetime
import tempfile
import unittest
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from vlab.base.deadline import Deadline
from vlab.base.errors import LabError
from vlab.faults import fault_lab, table
from vlab.faults.catalogue import FaultKind, InjectedFault
from vlab.faults.detection import FaultReport
from vlab.faults.fault_lab import Task
from vlab.faults.kept import Kept
from vlab.results.known_issues import KnownIssue
from vlab.results.outcome import Case, Outcome
from vlab.suites.suite import OurSuite, Ran

_PASSED = [Case("A.a", Outcome.PASSED)]
_FAILED = [Case("A.a", Outcome.FAILED, "said")]
_KNOWN = KnownIssue("x", ["7.3"], ["gve"], "A.*", "said", "c", datetime.date(2900, 1, 1))


class FakeLab:
    """`broken`: its NIC process does not answer. `up`: the block of `lab()` has not been left."""

    def __init__(self, out: Path) -> None:
        self.plan = mock.Mock(out=out)
        for guest in ("dut", "peer"):
            (out / f"{guest}-console.log").write_bytes(b"[ 1.0] WARNING: old\n")
        self.fault = ""
        self.broken = self.installed = False
        self.up = True

    def set_fault(self, text: str) -> None:
        self.fault = text

    def clear_faults(self) -> dict[str, int]:
        if self.broken:
            raise LabError("no answer")
        told = {f"{self.fault}=7": 3} if self.fault else {}
        self.fault = ""
        return told


class FakeSuite(OurSuite):
    """The name of the fault decides how a run ends."""

    def __init__(self) -> None:
        self.words: list[Sequence[str]] = []
        self.fails = False  # without any fault too

    def install(self, lab: Any) -> None:
        lab.installed = True

    def run(self, lab: Any, words: Sequence[str], log: Path, deadline: Deadline) -> Ran:
        assert lab.up and lab.installed
        self.words.append(words)
        if lab.fault == "dies":
            lab.broken = True
            return Ran(_FAILED, 1.0, "the guest dut ended")
        if lab.fault == "is-not-told":
            lab.broken = True
            return Ran(_PASSED, 1.0)
        if lab.fault == "grumbles":
            with open(lab.plan.out / "dut-console.log", "ab") as console:
                console.write(b"[ 2.0] WARNING: new\n")
        return Ran(_FAILED if lab.fault or self.fails else _PASSED, 1.0)


class FaultLab(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.suite = FakeSuite()
        self.labs: list[FakeLab] = []
        self.by = ""  # what must catch each fault; else a test of its name, which there is not
        self.kept: Kept | None = None
        for target, fake in [
            ("lab", self.booted),
            ("replace", lambda plan, out: mock.Mock(out=out)),
            ("progress", mock.Mock()),
        ]:
            patch = mock.patch.object(fault_lab, target, fake)
            patch.start()
            self.addCleanup(patch.stop)

    @contextmanager
    def booted(self, plan: Any) -> Iterator[FakeLab]:
        self.assertFalse(any(one.up for one in self.labs), "one lab at a time")
        if plan.out.name == "stays-down":
            raise LabError("the guest dut did not boot in time")
        self.labs.append(FakeLab(plan.out))
        yield self.labs[-1]
        self.labs[-1].up = False

    def run_faults(
        self, *names: str, quick: bool = False, caught: bool = True, known: Sequence[KnownIssue] = ()
    ) -> FaultReport:
        plan = mock.Mock(out=self.folder)
        plan.kernel.version = "7.3.4"
        expect = "caught" if caught else "survived"
        faults = [FaultKind(name, "", expect, by=[self.by or f"A.{name}"]) for name in names]
        settings = [InjectedFault(fault, fault.name) for fault in faults]
        task = Task("gve", plan, self.suite, settings, quick, 10.0, known, self.kept)
        return fault_lab.run(task)

    def keep(self, lab: str = "this lab") -> None:
        self.by, self.kept = "A.a", Kept(self.folder / "kept", lab)

    def booted_for(self, *names: str, **how: Any) -> list[str]:
        """What a run of these faults boots labs for."""
        self.labs.clear()
        self.run_faults(*names, **how)
        return [one.plan.out.name for one in self.labs]

    def test_each_fault_has_a_lab_of_its_own(self) -> None:
        found = self.run_faults("drops", "dies", "flips")
        self.assertEqual(
            [one.plan.out for one in self.labs],
            [self.folder / name for name in ("none", "drops", "dies", "flips")],
        )
        self.assertEqual(self.suite.words, [[], [], [], []])
        self.assertEqual(found.without.cases, _PASSED)
        self.assertEqual([row.cases for row in found.rows], [_FAILED] * 3)
        self.assertEqual([row.bites for row in found.rows], [3, None, 3])
        self.assertEqual([row.trouble for row in found.rows], ["", "the guest dut ended", ""])

    def test_a_lab_that_does_not_come_up_is_the_trouble_of_one_fault(self) -> None:
        found = self.run_faults("stays-down", "drops")
        self.assertEqual(found.rows[0].trouble, "the guest dut did not boot in time")
        self.assertIn("undetected", [text for _, text in found.all_problems()])
        self.assertEqual(found.rows[1].cases, _FAILED)

    def test_a_fault_that_may_not_have_been_triggered_proves_nothing(self) -> None:
        found = self.run_faults("is-not-told", caught=False)
        self.assertEqual(found.rows[0].bites, None)
        self.assertIn("no answer", [text for _, text in found.all_problems()])

    def test_complaints_are_those_of_the_faults_own_time(self) -> None:
        found = self.run_faults("grumbles", "drops")
        self.assertEqual(found.without.complaints, [])
        self.assertEqual(found.rows[0].complaints, ["dut: WARNING: new"])
        self.assertEqual(found.rows[1].complaints, [])

    def test_a_known_fault_of_the_kernel_counts_against_no_run(self) -> None:
        self.suite.fails = True
        unknown = self.run_faults("drops", caught=False)
        self.assertEqual({row.fault for row, _ in unknown.all_problems()}, {"none", "drops"})
        found = self.run_faults("drops", caught=False, known=[_KNOWN])
        self.assertEqual(found.all_problems(), [])
        cells = [case.outcome for case in found.as_cell().cases]
        self.assertEqual(cells, [Outcome.KNOWN, Outcome.PASSED])  # told once
        self.assertEqual(table.render(found, 100, colour=False).count("known fault: c (A.a)"), 1)

    def test_what_must_be_caught_is_caught_by_any_failure(self) -> None:
        found = self.run_faults("drops", known=[_KNOWN])
        self.assertEqual(found.rows[0].cases, _FAILED)

    def test_what_fails_without_the_fault_too_says_nothing_of_it(self) -> None:
        self.suite.fails = True
        self.keep()
        for _ in range(2):  # found, and as it was kept
            found = self.run_faults("drops", known=[_KNOWN])
            (row,) = found.rows
            self.assertEqual(row.cases, [Case("A.a", Outcome.KNOWN, "known fault: c\nsaid")])
            self.assertEqual((found.verdict(row), row.said), ("UNDETECTED", ""))
            self.assertIn((row, "undetected"), found.all_problems())

    def test_quick_runs_what_each_fault_names(self) -> None:
        self.run_faults("drops", "flips", quick=True)
        without, drops, flips = self.suite.words
        self.assertEqual(without, ["--gtest_filter=A.drops:A.flips"])
        self.assertEqual((drops, flips), (["--gtest_filter=A.drops"], ["--gtest_filter=A.flips"]))

    def test_what_was_as_it_should_be_is_kept(self) -> None:
        self.keep()
        self.assertEqual(self.booted_for("drops"), ["none", "drops"])
        before = self.run_faults("drops", "flips")
        self.labs.clear()
        after = self.run_faults("drops", "flips")
        self.assertEqual(self.labs, [])
        self.assertEqual(after, before)
        self.assertEqual(after.rows[0].cases, _FAILED)
        self.assertEqual(after.seconds, sum(row.seconds for row in (before.without, *before.rows)))

    def test_what_has_changed_is_run_again(self) -> None:
        self.keep()
        self.booted_for("drops", "flips")
        self.assertEqual(self.booted_for("drops", "flips", quick=True), ["none", "drops", "flips"])
        self.assertEqual(self.booted_for("drops", "flips", quick=True), [])
        self.assertEqual(self.booted_for("drops", quick=True, known=[_KNOWN]), ["none", "drops"])
        self.keep("another lab")
        self.assertEqual(self.booted_for("flips"), ["none", "flips"])

    def test_what_failed_is_run_again(self) -> None:
        self.keep()
        self.assertEqual(self.booted_for("dies", "drops"), ["none", "dies", "drops"])
        self.assertEqual(self.booted_for("dies", "drops"), ["dies"])
        self.suite.fails = True
        self.keep("another lab")
        for _ in range(2):
            self.assertEqual(self.booted_for("drops"), ["none", "drops"])

    def test_what_cannot_be_read_is_run_again(self) -> None:
        self.keep()
        for text in ("{", "[]", '{"of": 1}'):
            self.booted_for("drops")
            (self.folder / "kept/drops.json").write_text(text)
            self.assertEqual(self.booted_for("drops"), ["drops"])


if __name__ == "__main__":
    unittest.main()
