"""`ci/lab repro`, in labs that are none: what a run tells of a fault, and the exit status."""

import argparse
import contextlib
import datetime
import io
import tempfile
import unittest
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from vlab.base.errors import EXIT_LAB, LabError, UsageError
from vlab.commands import repro
from vlab.kernels.debian import NoSuchKernel
from vlab.results.known_issues import KnownIssue
from vlab.suites.suite import OurSuite

_DRY = KnownIssue(
    "dry", ["6.18", "7.3"], ["gve"], "A.*", "ran dry", "it stands still",
    datetime.date(2900, 1, 1), race=True, runs=4,
)  # fmt: skip
_PANIC = replace(_DRY, name="panic", test="*", symptom="RIP: f", race=False, arguments=["--fresh"])
_NEWEST = {"6.18": "6.18.15", "7.3": "7.3.4"}

_PASSES = '<testcase classname="gve.A" name="a"/>'
_HAPPENS = '<testcase classname="gve.A" name="b"><failure message="it ran dry"/></testcase>'
_FAILS = '<testcase classname="gve.A" name="c"><failure message="wrong byte"/></testcase>'
_HANGS = '<testcase classname="gve.A" name="d"><error message="had not ended"/></testcase>'
_SKIPS = '<testcase classname="gve.A" name="e"><skipped message="no zcrx"/></testcase>'
_Run = tuple[str, int | LabError]  # the report, and the exit status or how the lab broke
_PASS, _HAPPEN, _FAIL, _SKIP = (_PASSES, 0), (_HAPPENS, 1), (_FAILS, 1), (_SKIPS, 4)


class _Supplies:
    def kernel(self, what: str | Path, nic: str) -> Any:
        if isinstance(what, str) and what not in _NEWEST:
            raise NoSuchKernel(f"Debian has no kernel {what}")
        return mock.Mock(version="7.4.0" if isinstance(what, Path) else _NEWEST[what])


class Repro(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.faults = [_DRY, _PANIC]
        self.asked: list[argparse.Namespace] = []
        self.words: list[list[str]] = []

    def act(
        self, labs: Mapping[str, list[_Run]], name: str | None = "dry", **given: Any
    ) -> tuple[int, str]:
        """`labs`: the runs of each, by the kernel that is asked for. Exit status, and what was
        printed."""

        @contextmanager
        def booted(options: argparse.Namespace, _share: object) -> Iterator[Any]:
            self.asked.append(options)
            runs = iter(labs[str(options.kernel)])
            options.out.mkdir(exist_ok=True)

            def suite(words: list[str], *_: object, **__: object) -> int:
                report, ended = next(runs)
                self.words.append(words)
                (options.out / "junit.xml").write_text(f"<a>{report}</a>", encoding="utf-8")
                if isinstance(ended, LabError):
                    raise ended
                return ended

            yield mock.Mock(plan=mock.Mock(out=options.out, results=options.out), run=suite)

        options = argparse.Namespace(
            name=name, nic=None, kernel=None, with_=[], module=None, faults=[], out=self.folder,
            build=None, runs=None, limit=9.0,
        )  # fmt: skip
        vars(options).update(given)
        said = io.StringIO()
        with (
            mock.patch.object(repro, "booted", booted),
            mock.patch.object(repro, "building", lambda _: contextlib.nullcontext(lambda: Path())),
            mock.patch.object(repro, "Supplies", _Supplies),
            mock.patch("vlab.results.known_issues.load", lambda _: self.faults),
            mock.patch("vlab.base.progress.note"),
            contextlib.redirect_stdout(said),
        ):
            return repro.act(options), said.getvalue()

    def test_it_happens_on_each_kernel(self) -> None:
        status, said = self.act({"6.18": [_PASS, _PASS, _HAPPEN], "7.3": [_HAPPEN]})
        self.assertEqual(
            said.splitlines(),
            [
                "happens: in run 3 of at most 4 on gve 6.18.15 (A.b)",
                "happens: in run 1 of at most 4 on gve 7.3.4 (A.b)",
                f"logs: {self.folder}",
            ],
        )
        self.assertEqual(status, 0)
        self.assertEqual(self.words[0][-1], "--gtest_filter=A.*")
        self.assertEqual([one.out.name for one in self.asked], ["gve-6.18.15", "gve-7.3.4"])

    def test_it_does_not_on_one(self) -> None:
        status, said = self.act({"6.18": [_HAPPEN], "7.3": [_PASS, _FAIL, _PASS, _PASS]})
        self.assertIn("did not happen in 4 runs on gve 7.3.4 (1 failed otherwise; ", said)
        self.assertEqual(status, 1)

    def test_another_kernel_and_number_of_runs(self) -> None:
        tree = self.folder / "linux"
        status, said = self.act({str(tree): [_PASS]}, kernel=tree, runs=1)
        self.assertIn("did not happen in 1 run on gve 7.4.0\n", said)
        self.assertEqual(status, 1)
        self.assertEqual(self.act({str(tree): [_HAPPEN]}, kernel=tree)[0], 0)

    def test_a_kernel_that_is_built_for_it(self) -> None:
        tree = self.folder / "built"
        tree.mkdir()
        self.faults = [replace(_DRY, kernels=["7.3"], built_with=["faultinjection"])]
        with mock.patch("vlab.kernels.build.made", side_effect=[None, tree]) as made:
            status, _ = self.act({str(tree): [_HAPPEN]})
        made.assert_called_with("7.3", ["faultinjection"])
        self.assertEqual((status, self.asked[0].kernel), (0, tree))

    def test_a_panic_with_the_symptom_is_the_fault(self) -> None:
        panic = LabError("the guest dut ended\nRIP: f+0x1")
        for report, test in ((_HANGS, "A.d"), (_PASSES, "Lab.RunsTheSuite")):
            status, said = self.act({"7.3": [(report, panic)]}, "panic", kernel="7.3")
            self.assertIn(f"happens: in run 1 of at most 4 on gve 7.3.4 ({test})\n", said)
            self.assertEqual(status, 0)
        self.assertEqual(self.words[0][-1], "--fresh")

    def test_a_panic_while_the_lab_comes_up(self) -> None:
        for why, words in (("RIP: f+1", "happens: before"), ("RIP: g", "not known: before")):
            with mock.patch.object(OurSuite, "run", side_effect=LabError(why)):
                status, said = self.act({"7.3": []}, "panic", kernel="7.3")
            self.assertIn(f"{words} the first run on gve 7.3.4", said)
            self.assertEqual(status, 0 if why == "RIP: f+1" else EXIT_LAB)

    def test_a_lab_that_breaks_otherwise_tells_nothing(self) -> None:
        broken: list[tuple[_Run, str]] = [
            ((_HANGS, LabError("the guest dut ended\nOops")), "the guest dut ended\nOops"),
            ((_PASSES, 139), "exit status 139"),
            (("", 3), "exit status 3"),
        ]
        for run, why in broken:
            status, said = self.act({"7.3": [_PASS, run]}, kernel="7.3")
            self.assertIn(f"not known: in run 2 of at most 4 on gve 7.3.4: {why}\n", said)
            self.assertEqual(status, EXIT_LAB)
        both = self.act({"6.18": [("", 3)], "7.3": [_PASS] * 4})
        self.assertEqual(both[0], 1, "that it does not happen on one is known")

    def test_what_skips_tells_nothing(self) -> None:
        skipped = "not tried in run 1 of at most 4 on gve 7.3.4: no zcrx\n"
        status, said = self.act({"6.18": [_HAPPEN], "7.3": [_SKIP]})
        self.assertIn(skipped, said)
        self.assertEqual(status, 0)
        status, said = self.act({"7.3": [_SKIP]}, kernel="7.3")
        self.assertIn(skipped, said)
        self.assertEqual(status, EXIT_LAB)

    def test_what_fails_by_another_known_fault_and_skips_tells_nothing(self) -> None:
        self.faults.append(replace(_DRY, name="wrong", symptom="wrong byte", cause="it guesses"))
        status, said = self.act({"7.3": [(_FAILS + _SKIPS, 1)]}, kernel="7.3")
        self.assertIn("not tried in run 1 of at most 4 on gve 7.3.4: known fault: it gu", said)
        self.assertEqual(status, EXIT_LAB)

    def test_kernels_that_debian_no_longer_has(self) -> None:
        self.faults = [replace(_DRY, kernels=["6.17", "6.18.14", "7.3.4"])]
        status, said = self.act({"7.3": [_HAPPEN]})
        self.assertEqual(
            said.splitlines()[:3],
            [
                "not tried on gve 6.17: Debian has no kernel 6.17",
                "not tried on gve 6.18.14: Debian has 6.18.15 now, which --kernel 6.18 tries",
                "happens: in run 1 of at most 4 on gve 7.3.4 (A.b)",
            ],
        )
        self.assertEqual(status, 0)
        self.faults = [replace(_DRY, kernels=["6.17"])]
        self.assertEqual(self.act({})[0], EXIT_LAB)

    def test_faults_of_the_nic(self) -> None:
        self.faults = [replace(_DRY, nic_fault="no-split")]
        self.act({"7.3": [_HAPPEN]}, kernel="7.3", faults=["byte-flip"])
        self.assertEqual(self.asked[0].faults, ["byte-flip", "no-split"])

    def test_the_list(self) -> None:
        status, said = self.act({}, None)
        self.assertEqual(status, 0)
        self.assertIn("dry: gve of 6.18, 7.3\n      it stands still\npanic: ", said)

    def test_what_is_refused(self) -> None:
        with self.assertRaisesRegex(UsageError, "no known fault has the name 'wet'"):
            self.act({}, "wet")
        self.faults = [replace(_DRY, nics=["gve", "bnxt"])]
        with self.assertRaisesRegex(UsageError, "--module is for one NIC"):
            self.act({}, module=Path("x.ko"))
        with self.assertRaisesRegex(UsageError, "--with builds the kernel that --kernel names"):
            self.act({}, with_=["kasan"])


if __name__ == "__main__":
    unittest.main()
