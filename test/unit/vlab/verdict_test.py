"""`ci/lab run`: known faults set apart in the suite's report, and what they leave of its status."""

import argparse
import contextlib
import datetime
import io
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from vlab.base.errors import LabError
from vlab.commands import run
from vlab.kernels.kernel import Kernel
from vlab.results import junit, verdict
from vlab.results.known_issues import KnownIssue
from vlab.results.outcome import LAB, Case, CellResult, Outcome
from vlab.suites.selection import Test
from vlab.suites.suite import OurSuite, Ran

_LAB = CellResult("mlx5", "7.3.4", [])
_NEVER = datetime.date(2900, 1, 1)
_FAULT = KnownIssue("x", ["7.3"], ["mlx5"], "*", "dry", "it stands still", _NEVER, race=True)
_KNOWN = "known fault: it stands still\n"

_PASSED = '<testcase classname="mlx5.A" name="a" time="1.500"><properties/></testcase>'
_DRY = '<testcase classname="mlx5.A" name="dry"><failure message="ran dry">ran dry&#10;x</failure></testcase>'
_OTHER = '<testcase classname="mlx5.A" name="other"><failure message="wrong byte"/></testcase>'
_RUNNING = '<testcase classname="mlx5.A" name="last"><error message="had not ended"/></testcase>'
_BEHIND_FAIL_FAST = '<testcase classname="mlx5.A" name="z"><skipped message=""/></testcase>'
_LEFT_OUT = '<testcase classname="mlx5.A" name="z"><skipped message="not run: by SIGTERM"/></testcase>'


def _again(case: str, number: int, name: str) -> str:
    return case.replace(f'name="{name}"', f'name="{name} (repeat {number})"')


class VerdictTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.report = Path(folder.name) / "junit.xml"

    def suite_says(self, *tests: str) -> None:
        self.report.write_text(
            '<testsuites name="zcrx_tests" tests="9" failures="9"><testsuite name="A" failures="9">'
            '<properties><property name="driver" value="mlx5"/></properties>'
            f"{''.join(tests)}</testsuite></testsuites>",
            encoding="utf-8",
        )

    def judged(self, *tests: str, trouble: str = "") -> verdict.Verdict:
        self.suite_says(*tests)
        verdict.set_apart(self.report, _LAB, [_FAULT], trouble)
        return verdict.of(self.report, _LAB, [_FAULT], whole=True)


class Report(VerdictTest):
    def test_a_known_failure_is_a_skip_that_says_why(self) -> None:
        self.judged(_PASSED, _DRY)
        root = ElementTree.parse(self.report).getroot()
        passed, dry = root.iter("testcase")
        self.assertEqual([child.tag for child in passed], ["properties"])
        self.assertEqual([child.tag for child in dry], ["skipped"])
        self.assertEqual(dry[0].get("message"), "known fault: it stands still")
        self.assertEqual(dry[0].text, f"{_KNOWN}ran dry\nx")
        for one in (root, root[0]):
            numbers = {"tests": "2", "failures": "0", "errors": "0", "skipped": "1"}
            self.assertEqual({key: one.get(key) for key in numbers}, numbers)
        self.assertEqual(next(root.iter("property")).get("value"), "mlx5")

    def test_it_is_read_back_as_known_and_told_apart(self) -> None:
        found = self.judged(_PASSED, _DRY)
        self.assertEqual(found.result.cases[1], Case("A.dry", Outcome.KNOWN, f"{_KNOWN}ran dry\nx"))
        self.assertTrue(found.only_known)
        self.assertEqual(found.lines(80), ["      known fault: it stands still", "      -- A.dry"])
        self.assertEqual(junit.summary(self.report), "1 passed, 0 skipped, 0 failed, 1 known")

    def test_another_failure_beside_it_still_fails(self) -> None:
        found = self.judged(_DRY, _OTHER)
        self.assertFalse(found.only_known)
        self.assertEqual(junit.summary(self.report), "0 passed, 0 skipped, 1 failed, 1 known")

    def test_each_run_of_a_repeated_test_is_judged_for_itself(self) -> None:
        other = _again(_OTHER.replace('"other"', '"dry"'), 2, "dry")
        for runs in ([_DRY, other], [other, _DRY]):
            self.assertFalse(self.judged(*runs).only_known)
        found = self.judged(_DRY, _again(_DRY, 2, "dry"), _again(_PASSED, 3, "a"))
        self.assertTrue(found.only_known)
        skipped = list(ElementTree.parse(self.report).getroot().iter("skipped"))
        self.assertEqual(len(skipped), 2)

    def test_nothing_known_is_nothing_excused(self) -> None:
        self.assertFalse(self.judged(_PASSED).only_known)
        self.assertFalse(self.judged(_OTHER).only_known)

    def test_a_lab_that_broke_has_a_row_of_its_own(self) -> None:
        found = self.judged(_PASSED, _RUNNING, trouble="panic\nit ran dry")
        self.assertFalse(found.only_known)
        self.assertEqual(
            [(case.test, case.outcome) for case in found.result.cases],
            [("A.a", Outcome.PASSED), ("A.last", Outcome.KNOWN), (LAB, Outcome.KNOWN)],
        )
        self.assertEqual(found.result.cases[2].text, f"{_KNOWN}no result: panic\nit ran dry")
        other = self.judged(_PASSED, _RUNNING, trouble="another panic")
        self.assertFalse(other.only_known)
        self.assertEqual(other.result.cases[2].outcome, Outcome.NO_RESULT)

    def test_a_lab_that_broke_before_there_was_a_report(self) -> None:
        verdict.set_apart(self.report, _LAB, [_FAULT], "ran dry")
        found = verdict.of(self.report, _LAB, [_FAULT], whole=True)
        self.assertEqual([case.test for case in found.result.cases], [LAB])

    def test_what_is_judged_stays_as_it_is(self) -> None:
        self.judged(_PASSED, _DRY, _OTHER)
        before = self.report.read_bytes()
        verdict.set_apart(self.report, _LAB, [_FAULT])
        self.assertEqual(self.report.read_bytes(), before)


class Notes(VerdictTest):
    def notes(self, fault: KnownIssue, *, whole: bool = True) -> Sequence[str]:
        self.suite_says(_PASSED)
        return verdict.of(self.report, _LAB, [fault], whole=whole).notes

    def test_a_pass_is_shouted_where_no_test_was_left_out(self) -> None:
        sure = replace(_FAULT, race=False)
        self.assertEqual(self.notes(sure), ["NOW PASSES on mlx5 7.3.4: x (mlx5 7.3 *: dry)"])
        self.assertEqual(self.notes(sure, whole=False), [])
        self.assertEqual(self.notes(_FAULT), [])

    def test_to_be_looked_at_again_is_what_concerns_this_lab(self) -> None:
        late = replace(_FAULT, look_again=datetime.date(2020, 1, 1))
        self.assertEqual(
            self.notes(late), ["to be looked at again since 2020-01-01: x (mlx5 7.3 *: dry)"]
        )
        self.assertEqual(self.notes(replace(late, nics=["gve"])), [])
        self.assertEqual(self.notes(replace(late, kernels=["6.18"])), [])


class CommandTest(VerdictTest):
    """The command itself, in a lab that is none."""

    fault = _FAULT  # that is known
    readable = True  # what the guest leaves as its report

    def setUp(self) -> None:
        super().setUp()
        self.commands: list[Sequence[str]] = []  # of the suite

    def act(self, ended: int | BaseException, *words: str) -> tuple[int, str]:
        """Exit status, and what it printed; `ended`: how the suite did, whose report is there."""
        written = self.report.read_bytes()
        dut = self.report.parent / "dut"
        dut.mkdir(exist_ok=True)

        def suite(command: Sequence[str], *_: object, **__: object) -> int:
            self.commands.append(command)
            if self.readable:
                (dut / "junit.xml").write_bytes(written)
            else:
                (dut / "junit.xml").mkdir()
            if isinstance(ended, BaseException):
                raise ended
            return ended

        plan = mock.Mock(out=self.report.parent, results=dut)
        plan.kernel = Kernel("7.3.4", Path("image"), [], options=frozenset({"debug"}))

        @contextmanager
        def booted(*_: object, **__: object) -> Iterator[Any]:
            yield mock.Mock(plan=plan, run=suite)

        options = argparse.Namespace(
            nic="mlx5", peer_nic=None, share=None, limit=9.0, words=list(words)
        )  # fmt: skip
        said = io.StringIO()
        with (
            mock.patch.object(run, "booted", booted),
            mock.patch("vlab.results.known_issues.load", lambda _: [self.fault]),
            contextlib.redirect_stdout(said),
        ):
            return run.act(options), said.getvalue()


class Status(CommandTest):
    def test_only_known_failures_are_a_pass(self) -> None:
        self.suite_says(_PASSED, _DRY)
        status, said = self.act(1)
        self.assertEqual(status, 0)
        self.assertIn("known fault: it stands still\n      -- A.dry\n", said)
        self.assertIn(f"1 passed, 0 skipped, 0 failed, 1 known: {self.report}\n", said)

    def test_no_other_status_is_excused(self) -> None:
        for tests, ended in (
            ([_PASSED, _OTHER], 1),
            ([_DRY, _OTHER], 1),
            ([_PASSED], 1),
            ([_PASSED, _DRY], 139),
            ([_PASSED, _DRY], 2),
            ([_DRY, _LEFT_OUT], 1),
            ([_DRY, _BEHIND_FAIL_FAST], 1),
            ([_PASSED], 0),
        ):
            self.suite_says(*tests)
            self.assertEqual(self.act(ended)[0], ended, tests)

    def test_a_lab_that_broke(self) -> None:
        for why, outcome in (("ran dry", Outcome.KNOWN), ("ended", Outcome.NO_RESULT)):
            self.suite_says(_PASSED, _RUNNING)
            with self.assertRaisesRegex(LabError, f"the guest {why}"):
                self.act(LabError(f"the guest {why}"))
            last = junit.read(self.report)[-1]
            self.assertEqual((last.test, last.outcome), (LAB, outcome))

    def test_a_report_that_cannot_be_taken(self) -> None:
        """It hides neither why the lab broke nor that it was interrupted."""
        self.suite_says(_PASSED)
        self.readable = False
        with self.assertRaisesRegex(LabError, "not a regular file"):
            self.act(0)
        for ended in (LabError("the guest ended"), SystemExit(143)):
            (self.report.parent / "dut/junit.xml").rmdir()
            self.suite_says(_PASSED)
            with contextlib.redirect_stderr(io.StringIO()) as said:
                with self.assertRaises(type(ended)) as raised:
                    self.act(ended)
            self.assertIs(raised.exception, ended)
            self.assertIn("junit.xml: not a regular file", said.getvalue())

    def test_a_report_that_cannot_be_read_excuses_nothing(self) -> None:
        self.report.write_text("<testsuites>", encoding="utf-8")
        status, said = self.act(1)
        self.assertEqual(status, 1)
        self.assertIn("no numbers: the suite's report is not XML", said)

    def test_a_pass_is_shouted_but_not_of_some_tests_only(self) -> None:
        self.suite_says(_PASSED)
        self.fault = replace(_FAULT, race=False)
        self.assertIn("NOW PASSES on mlx5 7.3.4", self.act(0, "--gtest_repeat=2")[1])
        for words in (["--gtest_filter=A.*"], ["--gtest_filter", "A.*"], ["--check"]):
            self.suite_says(_PASSED)
            self.assertNotIn("NOW PASSES", self.act(0, *words)[1])
        self.suite_says(_PASSED, _LEFT_OUT)
        self.assertNotIn("NOW PASSES", self.act(1)[1])


class Apart(CommandTest):
    """What a known fault may end the guest by, with a kernel built as that takes it."""

    fault = replace(_FAULT, test="B.*", built_with=["debug"])

    def setUp(self) -> None:
        super().setUp()
        self.suite_says(_PASSED)
        self.last = mock.patch.object(OurSuite, "run").start()
        every = [Test("B.x"), Test("B.y")]
        mock.patch("vlab.suites.selection.listed", return_value=every).start()
        self.addCleanup(mock.patch.stopall)

    def told(self) -> dict[str, str]:
        return {case.test: case.text for case in junit.read(self.report)}

    def test_it_runs_behind_all_others(self) -> None:
        self.last.return_value = Ran([Case("B.x", Outcome.PASSED), Case("B.y", Outcome.SKIPPED)], 1.0)
        status, said = self.act(0, "--fresh")
        self.assertEqual(status, 0)
        self.assertIn("B.* may end the guest", said)
        self.assertIn(f"2 passed, 1 skipped, 0 failed: {self.report}\n", said)
        self.assertEqual(self.commands[0][-2:], ["--fresh", "--gtest_filter=-ZcrxNodev*:B.*"])
        self.assertEqual(self.last.call_args.args[1], ["--fresh", "--gtest_filter=B.*"])
        root = ElementTree.parse(self.report).getroot()
        self.assertEqual([suite.get("name") for suite in root], ["A", "B"])
        classes = [case.get("classname") for case in root.iter("testcase")]
        self.assertEqual(classes, ["mlx5.A", "mlx5.B", "mlx5.B"])
        for number, element in (("3", root), ("2", root[1])):
            self.assertEqual((element.get("tests"), element.get("skipped")), (number, "1"))

    def test_the_guest_ends_as_is_known(self) -> None:
        self.last.return_value = Ran([Case("B.x", Outcome.NO_RESULT, "had not ended")], 1.0, "ran dry")
        status, said = self.act(0)
        self.assertEqual(status, 0)
        self.assertIn("1 passed, 0 skipped, 0 failed, 2 known", said)
        lost = f"{_KNOWN}no result: ran dry"
        running = f"{_KNOWN}had not ended\nran dry"
        self.assertEqual(self.told(), {"A.a": "", "B.x": running, "B.y": lost})

    def test_it_ends_otherwise(self) -> None:
        self.last.return_value = Ran([Case("B.x", Outcome.PASSED)], 1.0, "panic")
        with self.assertRaisesRegex(LabError, "panic"):
            self.act(0)
        lost = "no result: panic"
        self.assertEqual(self.told(), {"A.a": "", "B.x": "", "B.y": lost, LAB: lost})

    def test_it_ends_otherwise_behind_failures_that_are_known(self) -> None:
        dry = [Case("B.x", Outcome.FAILED, "ran dry"), Case("B.y", Outcome.FAILED, "ran dry")]
        self.last.return_value = Ran(dry, 1.0, "panic")
        with self.assertRaisesRegex(LabError, "panic"):
            self.act(0)
        self.assertEqual(self.told()[LAB], "no result: panic")

    def test_interrupted_it_takes_nothing_from_the_others(self) -> None:
        def interrupted(*_: object) -> Ran:
            report = self.report.parent / "dut/junit.xml"
            report.write_text(f"<a>{_PASSED.replace('.A', '.B')}</a>", encoding="utf-8")
            raise KeyboardInterrupt

        self.last.side_effect = interrupted
        with self.assertRaises(KeyboardInterrupt):
            self.act(0)
        self.assertEqual(self.told(), {"A.a": ""})

    def test_it_fails_otherwise(self) -> None:
        self.last.return_value = Ran([Case("B.x", Outcome.FAILED), Case("B.y", Outcome.PASSED)], 1.0)
        self.assertEqual(self.act(0)[0], 1)

    def test_a_failure_of_the_others_is_one_still(self) -> None:
        self.last.return_value = Ran([Case("B.x", Outcome.PASSED), Case("B.y", Outcome.PASSED)], 1.0)
        self.suite_says(_PASSED, _OTHER)
        self.assertEqual(self.act(1)[0], 1)

    def test_not_where_the_others_did_not_come_to_their_end(self) -> None:
        for ended in (3, 139):
            self.assertEqual(self.act(ended)[0], ended)
        self.last.assert_not_called()

    def test_a_selection_of_the_users_runs_as_it_is(self) -> None:
        self.assertEqual(self.act(0, "--gtest_filter=B.*")[0], 0)
        self.assertEqual(self.commands[0][-1], "--gtest_filter=B.*")
        self.last.assert_not_called()


class RanTest(unittest.TestCase):
    """The same in the commands that judge the suite's runs themselves."""

    cases = (Case("A.a", Outcome.PASSED), Case("A.dry", Outcome.FAILED, "ran dry"))

    def test_known_failures_are_none(self) -> None:
        found = Ran(self.cases, 1.0).judged("mlx5", "7.3.4", [_FAULT])
        self.assertEqual([case.outcome for case in found.cases], [Outcome.PASSED, Outcome.KNOWN])
        self.assertFalse(found.failed)
        self.assertTrue(Ran(self.cases, 1.0).judged("gve", "7.3.4", [_FAULT]).failed)

    def test_a_lab_that_broke_by_one(self) -> None:
        found = Ran(self.cases, 1.0, "panic: dry").judged("mlx5", "7.3.4", [_FAULT])
        self.assertEqual((found.trouble, found.failed), ("", False))
        self.assertEqual(found.cases[-1].test, LAB)
        other = Ran(self.cases, 1.0, "panic").judged("mlx5", "7.3.4", [_FAULT])
        self.assertEqual((other.trouble, other.failed), ("panic", True))
        self.assertEqual([case.test for case in other.cases], ["A.a", "A.dry"])


if __name__ == "__main__":
    unittest.main()
