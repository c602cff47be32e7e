"""The list of known faults: its format, and what an entry does and does not excuse."""

import datetime
import tempfile
import unittest
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from vlab.base.errors import LabError
from vlab.base.paths import KNOWN_FAULTS
from vlab.faults import catalogue
from vlab.kernels.kernel import Kernel
from vlab.machines.guests import KINDS
from vlab.results import known_issues
from vlab.results.known_issues import KnownIssue
from vlab.results.outcome import Case, CellResult, Outcome

_ENTRY = """[[fault]]
name = "forgets"
kernels = ["6.18"]
nics = ["bnxt", "gve"]
test = "A.*"
symptom = "EINVAL"
cause = "the driver forgets"
look_again = 2027-01-31
"""
_FAULT = KnownIssue(
    "forgets", ["6.18"], ["bnxt", "gve"], "A.*", "EINVAL", "the driver forgets",
    datetime.date(2027, 1, 31),
)  # fmt: skip


class Format(unittest.TestCase):
    def load(self, text: str) -> list[KnownIssue]:
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(text)
            file.flush()
            return known_issues.load(Path(file.name))

    def refused(self, text: str, why: str) -> None:
        with self.assertRaisesRegex(LabError, why):
            self.load(text)

    def test_an_entry(self) -> None:
        self.assertEqual(self.load(_ENTRY), [_FAULT])

    def test_a_race(self) -> None:
        (fault,) = self.load(_ENTRY + "race = true")
        self.assertTrue(fault.race)
        self.refused(_ENTRY + 'race = "yes"', "race is neither true nor false")

    def test_what_provokes_it(self) -> None:
        (fault,) = self.load(_ENTRY)
        self.assertEqual((fault.most_runs, fault.words), (2, ["--gtest_filter=A.*"]))
        (race,) = self.load(_ENTRY.replace('"A.*"', '"*"') + "race = true")
        self.assertEqual((race.most_runs, race.words), (20, []))
        more = 'runs = 7\narguments = ["--fresh"]\nnic_fault = "no-split"'
        (fault,) = self.load(_ENTRY + more)
        self.assertEqual(
            (fault.most_runs, fault.words, fault.nic_fault), (7, ["--fresh"], "no-split")
        )

    def test_none(self) -> None:
        self.assertEqual(self.load("# nothing\n"), [])

    def test_the_list_in_the_repository_and_the_entry_that_explains_it(self) -> None:
        for fault in known_issues.load(KNOWN_FAULTS):
            self.assertLessEqual(set(fault.nics), set(KINDS))
            if fault.nic_fault:
                catalogue.load().kind(fault.nic_fault)
        text = KNOWN_FAULTS.read_text(encoding="utf-8")
        start = text.index("# [[fault]]")
        example = [line.removeprefix("# ") for line in text[start:].splitlines() if line]
        self.assertGreaterEqual(len(self.load("\n".join(example))), 1)
        names = {line.partition(" = ")[0] for line in example if " = " in line}
        self.assertEqual(names, {field.name for field in fields(KnownIssue)})

    def test_what_is_refused(self) -> None:
        self.refused("[[fault", "Expected")
        self.refused("fault = 1", r"only \[\[fault\]\] tables are allowed")
        self.refused("[[faults]]", "only")
        self.refused("fault = [1]", "fault 1 is not a table")
        self.refused(_ENTRY.replace("cause", "reason"), "lacks cause")
        self.refused(_ENTRY + 'reason = "x"', "unknown key: reason")
        self.refused(_ENTRY.replace('"EINVAL"', '" "'), "symptom is not a text, or empty")
        self.refused(_ENTRY.replace('["6.18"]', '"6.18"'), "kernels is not a list of texts")
        self.refused(_ENTRY.replace('"6.18"', ""), "kernels is not a list of texts, or empty")
        self.refused(_ENTRY.replace('"gve"', "1"), "nics is not a list of texts")
        for runs in ("0", "10000", "true", '"2"', "2.0"):
            self.refused(_ENTRY + f"runs = {runs}", "runs is not a number from 1 to 9999")
        self.refused(_ENTRY + "arguments = []", "arguments is not a list of texts, or empty")
        self.refused(_ENTRY + 'nic_fault = ""', "nic_fault is not a text, or empty")
        self.refused(_ENTRY + 'built_with = ["kasan", "kasn"]', "no kernel is built with kasn")
        for name in ("Forgets", "a b", "-a", "a--b"):
            self.refused(_ENTRY.replace("forgets", name, 1), "name is not of small letters")
        self.refused(_ENTRY * 2, "two faults have the name forgets")
        self.refused(_ENTRY.replace("2027-01-31", '"2027-01-31"'), "look_again is not a date")
        self.refused(_ENTRY.replace("2027-01-31", "2027-01-31T10:00:00"), "look_again is not a date")

    def test_the_second_entry_is_named(self) -> None:
        self.refused(_ENTRY + "[[fault]]\n", "fault 2 lacks")

    def test_a_missing_file(self) -> None:
        with self.assertRaisesRegex(LabError, "No such file"):
            known_issues.load(Path("/nonexistent/faults.toml"))


def _cell(*cases: Case, nic: str = "bnxt", kernel: str = "6.18.15") -> CellResult:
    return CellResult(nic, kernel, cases)


def _outcomes(results: Sequence[CellResult]) -> list[Outcome]:
    return [case.outcome for result in results for case in result.cases]


class Apply(unittest.TestCase):
    failed = Case("A.a", Outcome.FAILED, "register: EINVAL")

    def judged(self, result: CellResult, fault: KnownIssue = _FAULT) -> list[Outcome]:
        return _outcomes(known_issues.apply([result], [fault]))

    def test_a_failure_it_explains_is_known_and_says_why(self) -> None:
        (result,) = known_issues.apply([_cell(self.failed)], [_FAULT])
        self.assertEqual(
            result.cases,
            [Case("A.a", Outcome.KNOWN, "known fault: the driver forgets\nregister: EINVAL")],
        )

    def test_each_of_its_nics(self) -> None:
        self.assertEqual(self.judged(_cell(self.failed, nic="gve")), [Outcome.KNOWN])

    def test_a_lab_that_hangs_can_be_known_too(self) -> None:
        hung = Case("A.a", Outcome.NO_RESULT, "no result: EINVAL")
        self.assertEqual(self.judged(_cell(hung)), [Outcome.KNOWN])

    def test_nothing_else_is_excused(self) -> None:
        failed = [Outcome.FAILED]
        self.assertEqual(self.judged(_cell(Case("A.a", Outcome.FAILED, "EIO"))), failed)
        self.assertEqual(self.judged(_cell(Case("B.a", Outcome.FAILED, "EINVAL"))), failed)
        self.assertEqual(self.judged(_cell(self.failed, nic="mlx5")), failed)
        self.assertEqual(self.judged(_cell(self.failed, kernel="6.1.8")), failed)
        self.assertEqual(self.judged(_cell(self.failed, kernel="6.180.1")), failed)
        skipped = Case("A.a", Outcome.SKIPPED, "EINVAL")
        self.assertEqual(self.judged(_cell(skipped)), [Outcome.SKIPPED])

    def test_a_fault_of_one_point_release(self) -> None:
        fault = KnownIssue("x", ["6.18.15"], ["bnxt"], "A.a", "EINVAL", "c", datetime.date(2027, 1, 1))
        self.assertEqual(self.judged(_cell(self.failed), fault), [Outcome.KNOWN])
        self.assertEqual(
            self.judged(_cell(self.failed, kernel="6.18.16"), fault), [Outcome.FAILED]
        )


class Endangered(unittest.TestCase):
    def endangered(self, nic: str, version: str, *options: str) -> list[str]:
        kernel = Kernel(version, Path("image"), [], options=frozenset(options))
        return known_issues.endangered(nic, kernel, known_issues.load(KNOWN_FAULTS))

    def test_where_the_kernel_is_built_with_what_the_fault_takes(self) -> None:
        for options in (["faultinjection"], ["debug", "faultinjection"]):
            self.assertEqual(self.endangered("bnxt", "7.3.4", *options), ["ZcrxOutOfMemory.*"])

    def test_nowhere_else(self) -> None:
        for nic, version, *options in (
            ("bnxt", "7.3.4"),
            ("bnxt", "7.3.4", "debug"),  # its fault may be met by any test
            ("bnxt", "7.2.1", "faultinjection"),
            ("none", "7.3.4", "faultinjection"),
        ):
            self.assertEqual(self.endangered(nic, version, *options), [], (nic, version, options))


class NowPassing(unittest.TestCase):
    def said(self, *cases: Case) -> list[str]:
        results = known_issues.apply([_cell(*cases)], [_FAULT])
        return known_issues.now_passing(results, [_FAULT])

    def test_a_pass_is_shouted(self) -> None:
        (sentence,) = self.said(Case("A.a", Outcome.PASSED), Case("A.b", Outcome.SKIPPED))
        self.assertEqual(sentence, "NOW PASSES on bnxt 6.18.15: forgets (bnxt,gve 6.18 A.*: EINVAL)")

    def test_never_for_a_race(self) -> None:
        passed = known_issues.apply([_cell(Case("A.a", Outcome.PASSED))], [])
        self.assertEqual(known_issues.now_passing(passed, [replace(_FAULT, race=True)]), [])

    def test_not_while_one_of_its_tests_fails(self) -> None:
        passed = Case("A.a", Outcome.PASSED)
        self.assertEqual(self.said(passed, Case("A.b", Outcome.FAILED, "EINVAL")), [])
        self.assertEqual(self.said(passed, Case("A.b", Outcome.FAILED, "EIO")), [])

    def test_not_for_a_skip_or_a_test_of_others(self) -> None:
        self.assertEqual(self.said(Case("A.a", Outcome.SKIPPED)), [])
        self.assertEqual(self.said(Case("B.a", Outcome.PASSED)), [])


class Overdue(unittest.TestCase):
    def test_from_its_day_on(self) -> None:
        day = _FAULT.look_again
        self.assertEqual(known_issues.overdue([_FAULT], day - datetime.timedelta(days=1)), [])
        (sentence,) = known_issues.overdue([_FAULT], day)
        self.assertIn("again since 2027-01-31: forgets (bnxt,gve 6.18", sentence)


if __name__ == "__main__":
    unittest.main()
