"""Labs that are small scripts: what the matrix makes of their ends."""

import argparse
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from vlab.commands import arguments, cells
from vlab.commands.cells import Cell
from vlab.machines.capacity import labs_that_fit
from vlab.results.outcome import Case, Outcome

_PASSED = '<a><testcase classname="x.A" name="a"/></a>'
_FAILED = '<a><testcase classname="x.A" name="a"><failure message="f"/></testcase></a>'
_KNOWN = _FAILED.replace("failure", "skipped").replace('"f"', '"known fault: x"')
_SKIPPED = '<a><testcase classname="x.A" name="a"><skipped message="s"/></testcase></a>'


class MatrixTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        quiet = mock.patch("vlab.base.progress.note")
        self.note = quiet.start()
        self.addCleanup(quiet.stop)

    def cell(self, name: str = "gve", report: str = "", log: str = "") -> Cell:
        cell = Cell(name, "7.3.4", self.folder / name, "7.3")
        cell.out.mkdir()
        if report:
            (cell.out / "junit.xml").write_text(report, encoding="utf-8")
        cell.log.write_text(log, encoding="utf-8")
        return cell


class ResultOf(MatrixTest):
    def test_the_status_and_the_report_agree(self) -> None:
        for number, (status, report, outcome) in enumerate(
            [
                (0, _PASSED, Outcome.PASSED),
                (1, _FAILED, Outcome.FAILED),
                (0, _KNOWN, Outcome.KNOWN),
                (4, _SKIPPED, Outcome.SKIPPED),
            ]
        ):
            result = cells.result_of(self.cell(str(number), report), status, 1.0)
            self.assertEqual(result.trouble, "")
            self.assertEqual([case.outcome for case in result.cases], [outcome])

    def test_a_status_that_the_report_does_not_explain_is_trouble(self) -> None:
        for number, (status, report) in enumerate(
            [(1, _PASSED), (0, _FAILED), (0, _SKIPPED), (139, _FAILED), (3, _SKIPPED), (1, _KNOWN)]
        ):
            result = cells.result_of(self.cell(str(number), report), status, 1.0)
            self.assertEqual(
                result.trouble, f"exit status {status}, which the report does not explain"
            )

    def test_a_lab_that_broke_says_so_itself(self) -> None:
        log = "[ 1.0s] booting\nci/lab: the guest dut ended; the end of console.log:\nOops\n"
        said = "the guest dut ended; the end of console.log:\nOops"
        self.assertEqual(cells.result_of(self.cell("a", "", log), 5, 1.0).trouble, said)
        first = log.partition("\n")[2]
        self.assertEqual(cells.result_of(self.cell("c", "", first), 5, 1.0).trouble, said)
        late = cells.result_of(self.cell("b", _FAILED, log), 5, 1.0)
        self.assertEqual(late.trouble, said)
        self.assertEqual(late.cases, [Case("A.a", Outcome.FAILED, "f")])

    def test_a_lab_that_broke_as_it_is_known_to_says_so_in_its_report(self) -> None:
        text = "known fault: x&#10;no result: the guest dut ended&#10;Oops"
        lab = f'<testcase classname="Lab" name="RunsTheSuite"><skipped message="{text}"/></testcase>'
        result = cells.result_of(self.cell(report=_PASSED.replace("</a>", f"{lab}</a>")), 0, 1.0)
        self.assertEqual(result.trouble, "the guest dut ended\nOops")
        self.assertEqual([case.test for case in result.cases], ["A.a"])

    def test_on_another_kernel_than_it_is_for(self) -> None:
        for name, release, trouble in (
            ("a", "7.3.4+deb13-amd64", ""),
            ("b", "7.3.5+deb13-amd64", "the lab ran on Linux 7.3.5, not on 7.3.4"),
        ):
            kernel = f'<properties><property name="kernel" value="{release}"/></properties>'
            report = f"<a><testsuite>{kernel}{_PASSED[3:-4]}</testsuite></a>"
            self.assertEqual(cells.result_of(self.cell(name, report), 0, 1.0).trouble, trouble)

    def test_no_report_and_no_complaint(self) -> None:
        result = cells.result_of(self.cell(), 1, 1.0)
        self.assertEqual(result.trouble, "the suite left no report")

    def test_what_the_guests_kernels_said(self) -> None:
        cell = self.cell(report=_PASSED)
        console = "[    1.0] WARNING: CPU: 0 PID: 1 at x.c:1\n"
        (cell.out / "peer-console.log").write_text(console, encoding="utf-8")
        result = cells.result_of(cell, 0, 1.0)
        self.assertEqual(result.complaints, ["peer: WARNING: at x.c:1"])

    def test_a_broken_report(self) -> None:
        result = cells.result_of(self.cell(report="<a>"), 1, 1.0)
        self.assertIn("not XML", result.trouble)


class Run(MatrixTest):
    """`script` is what each lab runs; its folder is argv[1]."""

    def run_labs(self, script: str, names: str, jobs: int, limit_s: float) -> list[str]:
        labs = [Cell(name, "7.3.4", self.folder / name, "7.3") for name in names]

        def command(cell: Cell, _build: Path, _limit_s: float) -> list[str]:
            return [sys.executable, "-c", script, str(cell.out)]

        with mock.patch.object(Cell, "command", command):
            results = cells.run(labs, Path(), jobs, limit_s)
        self.assertEqual([result.nic for result in results], list(names))
        return [result.trouble for result in results]

    def test_results_come_in_the_order_of_the_cells(self) -> None:
        script = f"import sys; open(sys.argv[1] + '/junit.xml', 'w').write({_PASSED!r})"
        self.assertEqual(self.run_labs(script, "abc", 2, 30), ["", "", ""])
        last = self.note.call_args.args[0]
        self.assertRegex(last, r"-7.3.4: 1 passed, 0 skipped, 0 failed \(\d+ s, 3 of 3\)")

    def test_a_lab_that_hangs_is_ended_and_its_old_report_does_not_count(self) -> None:
        old = self.folder / "a" / "junit.xml"
        old.parent.mkdir()
        old.write_text(_PASSED, encoding="utf-8")
        begin = time.monotonic()
        (trouble,) = self.run_labs("import time; time.sleep(60)", "a", 1, 0.3)
        self.assertEqual(trouble, "the lab timed out after 0.3 s")
        self.assertLess(time.monotonic() - begin, 30)
        self.assertFalse(old.exists())

    def test_no_more_than_so_many_at_once(self) -> None:
        script = """
import os, sys
from pathlib import Path
base = Path(sys.argv[1]).parent
(base / f"on-{os.getpid()}").touch()
print(len(list(base.glob("on-*"))), flush=True)
(base / f"on-{os.getpid()}").unlink()
"""
        self.run_labs(script, "abcde", 2, 30)
        seen = [int((self.folder / f"{name}.log").read_text("utf-8")) for name in "abcde"]
        self.assertLessEqual(max(seen), 2)


class Plan(unittest.TestCase):
    def test_labs_at_once(self) -> None:
        self.assertEqual(labs_that_fit(memory_mib=100_000, cores=2), 2)
        self.assertEqual(labs_that_fit(memory_mib=4000, cores=64), 2)
        self.assertEqual(labs_that_fit(memory_mib=10, cores=64), 1)

    def test_the_command_of_a_cell(self) -> None:
        words = Cell("bnxt", "7.3.4", Path("/out"), "7.3").command(Path("/build"), 300)
        self.assertEqual(
            words[1:],
            ["-m", "vlab", "run", "--nic", "bnxt", "--kernel", "7.3", "--build", "/build",
             "--out", "/out", "--limit", "300"],
        )  # fmt: skip

    def test_lists_of_options(self) -> None:
        several = arguments.several(arguments.kernel)
        self.assertEqual(several("6.12,7.3,6.12"), ["6.12", "7.3"])
        for wrong in ("", "7.3,", "7", "7.3.4", "seven"):
            with self.assertRaises(argparse.ArgumentTypeError):
                several(wrong)


if __name__ == "__main__":
    unittest.main()
