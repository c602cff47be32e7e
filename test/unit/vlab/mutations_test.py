"""Mutations of the kernel: their table, the place where each is put, and what counts as caught."""

import json
import tempfile
import unittest
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from vlab.base.errors import LabError, UsageError
from vlab.mutations import catalogue, verdict
from vlab.mutations.catalogue import Mutation
from vlab.mutations.kernel import MutableKernel
from vlab.mutations.verdict import Tried
from vlab.results.outcome import Case, Outcome
from vlab.suites.suite import Ran

_FILE = "io_uring/zcrx.c"
_ONE = Mutation("no-check", _FILE, "if (bad)\n\t\treturn -1;", ";", "ZcrxNodevA.*")
_ENTRY = """\
[[mutation]]
name = "no-check"
file = "io_uring/zcrx.c"
before = '''if (bad)
\t\treturn -1;'''
after = ';'
caught_by = "ZcrxNodevA.*"
"""


class Table(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "mutations.toml"

    def load(self, text: str) -> list[Mutation]:
        self.path.write_text(text, encoding="utf-8")
        return catalogue.load(self.path)

    def refused(self, text: str, why: str) -> None:
        with self.assertRaises(LabError) as refused:
            self.load(text)
        self.assertIn(why, str(refused.exception))

    def test_an_entry(self) -> None:
        self.assertEqual(self.load(_ENTRY), [_ONE])
        (other,) = self.load(f'{_ENTRY}nic = "gve"\nends = "panic"\n')
        self.assertEqual((other.nic, other.ends), ("gve", "panic"))

    def test_what_no_table_holds(self) -> None:
        for change, why in (
            (("[[mutation]]", "[[fault]]"), "only [[mutation]] tables are allowed"),
            (("after", "afterwards"), "lacks after"),
            (("caught_by", "ends = ''\ncaught_by"), "ends is not a text, or empty"),
            (("caught_by", "why = 'x'\ncaught_by"), "has an unknown key: why"),
            (("no-check", "No check"), "name is not of small letters"),
            (("zcrx.c", "zcrx.h"), "file is not the path of a .c file in the kernel's tree"),
            (("io_uring/zcrx.c", "../zcrx.c"), "file is not the path of a .c file"),
            (("after = ';'", "after = '''if (bad)\n\t\treturn -1;'''"), "are the same"),
            (("caught_by", "nic = 'ne2000'\ncaught_by"), "nic is not one of gve, bnxt, mlx5, none"),
            (("caught_by", "ends = 'boom'\ncaught_by"), "ends is neither panic nor hang"),
            (("'''if", "''''if"), "expected"),
        ):
            with self.subTest(why):
                if why == "expected":
                    self.refused(_ENTRY.replace("name =", "name"), "mutations.toml: ")
                else:
                    self.refused(_ENTRY.replace(*change), why)
        self.refused(_ENTRY + _ENTRY, "two mutations have the name no-check")

    def test_names_select(self) -> None:
        every = [_ONE, Mutation("no-id", _FILE, "a", "b", "*"), Mutation("area", _FILE, "a", "b", "*")]
        self.assertEqual(catalogue.chosen(every, []), every)
        self.assertEqual([one.name for one in catalogue.chosen(every, ["no-*"])], ["no-check", "no-id"])
        with self.assertRaisesRegex(UsageError, "no mutation has the name 'region'"):
            catalogue.chosen(every, ["area", "region"])

    def test_the_projects_own_is_sound_and_each_row_is_one_change(self) -> None:
        found = catalogue.load()
        self.assertGreaterEqual(len(found), 30)
        changes = [(one.file, one.before, one.after) for one in found]
        self.assertEqual(len(set(changes)), len(changes))


class Applied(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree, self.out = Path(folder.name) / "linux", Path(folder.name) / "out"
        for top in (self.tree, self.out):
            (top / "io_uring").mkdir(parents=True)

    def source(self, text: str) -> None:
        (self.tree / _FILE).write_text(text, encoding="utf-8")

    def test_the_text_has_to_be_there_once(self) -> None:
        self.source("a\n\tif (bad)\n\t\treturn -1;\nb\n")
        self.assertEqual(_ONE.applied(self.tree), "a\n\t;\nb\n")
        for times, text in ((0, "a"), (2, 2 * _ONE.before)):
            self.source(text)
            with self.assertRaisesRegex(LabError, f"no-check: .* has its text {times} times"):
                _ONE.applied(self.tree)
        (self.tree / _FILE).unlink()
        with self.assertRaisesRegex(LabError, "no-check: .*No such file"):
            _ONE.applied(self.tree)

    def test_the_tree_is_only_read_and_the_build_left_without_the_change(self) -> None:
        self.source(_ONE.before)
        changed, seen = self.out / _FILE, []

        def make(_what: str) -> None:
            seen.append(changed.read_text(encoding="utf-8") if changed.exists() else None)

        base = mock.Mock(tree=self.tree, out=self.out, make=make)
        kernel = MutableKernel(base, self.out)
        changed.write_text("of a run that was killed", encoding="utf-8")
        with mock.patch("vlab.kernels.own.unpacked") as unpacked:
            for mutation in (None, _ONE, None):
                kernel.make(mutation, ["gve"])
        self.assertEqual(seen, [None, ";", None])
        self.assertEqual((self.tree / _FILE).read_text(encoding="utf-8"), _ONE.before)
        unpacked.assert_called_with(self.out, ["gve"], self.out / "kernel")


def _ran(*cases: Case, trouble: str = "") -> Ran:
    return Ran(cases, 1.0, trouble)


_PASSES = Case("ZcrxNodevA.a", Outcome.PASSED)
_FAILS = Case("ZcrxNodevA.a", Outcome.FAILED, "a.cc:7: Failure\nwrong byte\nmore")
_OTHER = Case("ZcrxNodevB.b", Outcome.FAILED, "bad")
_RUNNING = Case("ZcrxNodevA.a", Outcome.NO_RESULT, "had not ended")
_CONTROL = _ran(_PASSES, Case("ZcrxNodevA.s", Outcome.SKIPPED), Case("ZcrxNodevB.b", Outcome.PASSED))
_PANIC, _HANG = "the guest dut ended\nKernel panic - not syncing", "timed out after 9 s: zcrx_tests"


class Verdict(unittest.TestCase):
    def tried(self, ran: Ran, ends: str = "") -> Tried:
        mutation = Mutation("m", _FILE, "a", "b", "ZcrxNodevA.*", ends=ends)
        return verdict.judged(mutation, _CONTROL, ran, 3.04)

    def test_a_failure_of_a_test_that_is_to_catch_it(self) -> None:
        found = self.tried(_ran(_OTHER, _FAILS))
        self.assertEqual((found.caught, found.by, found.said), (True, "ZcrxNodevA.a", "wrong byte"))
        self.assertTrue(self.tried(_ran(_FAILS, trouble=_PANIC)).caught)

    def test_a_mutation_that_survives(self) -> None:
        found = self.tried(_ran(_PASSES))
        self.assertEqual((found.caught, found.by), (False, ""))
        self.assertEqual(found.said, "no failure in 1 test")
        self.assertFalse(self.tried(_ran(_OTHER)).caught, "that test is not to catch it")
        skipped = Case("ZcrxNodevA.s", Outcome.FAILED, "it fails as it is")
        self.assertFalse(self.tried(_ran(skipped)).caught, "it did not pass without the mutation")

    def test_the_end_of_a_guest_counts_where_the_table_says_so(self) -> None:
        for trouble, end in ((_PANIC, "panic"), (_HANG, "hang")):
            ran = _ran(_RUNNING, trouble=trouble)
            found = self.tried(ran, end)
            self.assertEqual((found.caught, found.by), (True, "ZcrxNodevA.a"))
            found = self.tried(ran)
            self.assertFalse(found.caught)
            self.assertIn(f"a {end}: ", found.said)
        self.assertFalse(self.tried(_ran(_RUNNING, trouble=_HANG), "panic").caught)
        self.assertFalse(self.tried(_ran(trouble="the NIC process ended"), "panic").caught)
        self.assertFalse(self.tried(_ran(trouble=_PANIC), "panic").caught, "no test had begun")
        by_qemu = _PANIC.replace("ended", "ended by QEMU's fault: signal 9")
        self.assertFalse(self.tried(_ran(_RUNNING, trouble=by_qemu), "panic").caught)

    def test_what_can_catch_it_passes_without_it(self) -> None:
        self.assertEqual(verdict.able(_ONE, _CONTROL), {"ZcrxNodevA.a"})

    def test_the_table_names_survivors_again(self) -> None:
        tried = [self.tried(_ran(_FAILS)), self.tried(_ran(_PASSES))]
        self.assertEqual(
            list(verdict.table(tried, 40)),
            [
                "m  caught    ZcrxNodevA.a  wrong byte",
                "m  SURVIVED                no failure...",
                "", "Not caught:",
                "  m (io_uring/zcrx.c) by ZcrxNodevA.*: no failure in 1 test", "",
            ],
        )  # fmt: skip
        self.assertEqual(verdict.summary(tried, 61.2), "1 of 2 mutations caught in 61 s")

    def test_json_holds_what_the_table_shows(self) -> None:
        started = datetime(2027, 2, 3, tzinfo=UTC)
        whole: dict[str, Any] = json.loads(
            verdict.dump([self.tried(_ran(_FAILS))], "linux", started, 9)
        )
        (row,) = whole["mutations"]
        self.assertEqual((row["name"], row["caught"], row["seconds"]), ("m", True, 3.0))


if __name__ == "__main__":
    unittest.main()
